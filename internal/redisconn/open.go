package redisconn

import (
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Open returns a client for a redis://, rediss:// or unix:// URL. It does not
// connect: a server that is down is found out by the first command.
//
// The adapters rely on what it sets: a command never outlives its context's
// deadline, and an unreachable server is reported after one attempt to
// connect, not after go-redis's default of five.
func Open(url string) (redis.UniversalClient, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("redis URL: %w", err)
	}
	return redis.NewClient(Defaults(options)), nil
}

// Defaults sets the options described at Open and returns them.
func Defaults(options *redis.Options) *redis.Options {
	options.ContextTimeoutEnabled = true
	options.DialTimeout = time.Second
	options.DialerRetries = 1
	options.ReadTimeout = 2 * time.Second
	options.WriteTimeout = 2 * time.Second
	options.MaxRetries = 1
	// RESP2: nothing here needs RESP3, whose push messages share the
	// connection with replies. Maintenance notifications exist on RESP3 only.
	options.Protocol = 2
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	options.DisableIdentity = true
	return options
}
