package api

import (
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
)

// longestLogged is the longest path segment that is logged as it is. Names of
// routes are shorter, tokens longer.
const longestLogged = 19

// beforeSecret are segments behind which stands what opens something, or names
// a visitor's conversation.
var beforeSecret = map[string]bool{
	"sessions": true, "chats": true, "invitation": true, "invitations": true, "invite": true,
	"verify": true, "verification": true, "reset": true, "token": true,
}

// loggedPath replaces what may be a token in a path by "-". UUIDs of clients
// and documents open nothing and stay. deploy/caddy/Caddyfile has the same rule
// for the proxy's log.
func loggedPath(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		switch {
		case segment == "":
		case i > 0 && beforeSecret[segments[i-1]],
			len(segment) > longestLogged && !chatconnect.ValidUUID(segment),
			strings.ContainsAny(segment, "?#;"): // an escaped query
			segments[i] = "-"
		}
	}
	return strings.Join(segments, "/")
}
