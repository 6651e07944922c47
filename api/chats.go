package api

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	maxSearch = 200 // code points
	// scansPerUser and scansPerClient are how many requests may read all of a
	// client's conversations at once: each keeps a database connection busy.
	scansPerUser   = 2
	scansPerClient = 3
	// maxConversation is how many of a conversation's latest messages are shown.
	maxConversation = 500
)

// getChats lists the client's conversations, or exports what was said in them
// as CSV.
func (s *Server) getChats(c *gin.Context) {
	client, _, err := s.memberOf(c, c.Query("clientId"))
	if err != nil {
		s.fail(c, err)
		return
	}
	filter, err := conversationFilter(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	format := c.DefaultQuery("format", "json")
	if format != "json" && format != "csv" {
		s.fail(c, invalidFilter("format is json or csv."))
		return
	}
	if filter.Search != "" || format == "csv" {
		reading, err := s.admitScan(c, client)
		if err != nil {
			s.fail(c, err)
			return
		}
		defer reading.giveBack()
		if format == "csv" {
			s.exportChats(c, client, filter, reading)
			return
		}
	}
	conversations, next, err := s.Conversations.Conversations(c.Request.Context(), client, filter)
	if err != nil {
		s.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, gin.H{"conversations": notNil(conversations), "nextCursor": nextCursor(next)})
}

var errTooManyScans = &chatconnect.Error{
	Kind: chatconnect.KindRateLimited, Code: "too_many_searches", RetryAfter: 2 * time.Second,
	Message: "Other searches or exports of these conversations are still running. Please wait for them.",
}

// admitScan bounds how many searches and exports run at once, so that members
// of one client can't use up the database connections of all.
func (s *Server) admitScan(c *gin.Context, client chatconnect.ClientID) (places, error) {
	return s.takePlaces(c, errTooManyScans,
		placeLimit{"scans:user:" + string(userID(c)), scansPerUser},
		placeLimit{string(client) + ":scans", scansPerClient})
}

// getConversation shows one conversation with everything that was logged.
func (s *Server) getConversation(c *gin.Context) {
	client, _, err := s.memberOf(c, c.Query("clientId"))
	if err != nil {
		s.fail(c, err)
		return
	}
	session := c.Param("sessionId")
	if !chatconnect.ValidVisitorID(session) {
		s.fail(c, chatconnect.ErrNotFound)
		return
	}
	exchanges, err := s.Conversations.Exchanges(c.Request.Context(), client, chatconnect.SessionID(session), maxConversation)
	if err == nil && len(exchanges) == 0 {
		err = chatconnect.ErrNotFound
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, gin.H{"sessionId": session, "messages": exchanges})
}

func conversationFilter(c *gin.Context) (chatconnect.ConversationFilter, error) {
	filter := chatconnect.ConversationFilter{
		Search: strings.TrimSpace(cleanText(c.Query("search"))), Status: chatconnect.ChatStatus(c.Query("status")),
		Rating: chatconnect.Rating(c.Query("rating")),
	}
	if utf8.RuneCountInString(filter.Search) > maxSearch {
		return filter, invalidFilter("search has at most %d characters.", maxSearch)
	}
	if filter.Status != "" && !slices.Contains(chatconnect.ChatStatuses(), filter.Status) {
		return filter, invalidFilter("status is answered, unanswered, smalltalk, handoff_requested, stopped or failed.")
	}
	if filter.Rating != "" && !filter.Rating.Valid() {
		return filter, invalidFilter("rating is up, down or none.")
	}
	var err error
	if filter.From, err = filterTime(c.Query("from"), 0); err != nil {
		return filter, err
	}
	// The day that is named belongs to the period.
	if filter.To, err = filterTime(c.Query("to"), 24*time.Hour); err != nil {
		return filter, err
	}
	filter.Cursor, filter.Limit, err = pageOf(c)
	return filter, err
}

// filterTime reads a day (UTC) or a moment; whole is what is added to a day.
func filterTime(text string, whole time.Duration) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.Add(whole), nil
	}
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, invalidFilter("from and to are days such as 2026-05-01 or moments such as 2026-05-01T12:00:00Z.")
	}
	return moment.UTC(), nil
}

func invalidFilter(format string, args ...any) error {
	return chatconnect.Errorf(chatconnect.KindInvalid, "filter_invalid", format, args...)
}
