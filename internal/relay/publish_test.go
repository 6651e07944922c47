package relay_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/internal/relay"
)

const span = chatconnect.AttemptSpan

func TestPublishedEventsAreRecordedInOrder(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, r, m := within(t), newRelay(t, client, relay.Options{Recheck: time.Hour}), newMessage()

		none, err := r.Events(ctx, m, 0)
		require.NoError(t, err)
		require.Empty(t, none)

		// More than a page of the record, with data that a careless encoding
		// of the messages would damage.
		want := answer(1500)
		want[0].Data = []byte("{\"text\":\" a  b\\n\x00é\"}")
		for i := 0; i < len(want); i += 100 {
			require.NoError(t, r.Publish(ctx, m, want[i:i+100]...))
		}
		all, err := r.Events(ctx, m, 0)
		require.NoError(t, err)
		require.Equal(t, want, all)

		tail, err := r.Events(ctx, m, 1498)
		require.NoError(t, err)
		require.Equal(t, want[1498:], tail)

		live, err := drain(ctx, subscribe(t, r, m, 1490))
		require.NoError(t, err)
		require.Equal(t, want[1490:], live)
	})
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	restart := chatconnect.RelayEvent{ID: span + 1, Type: chatconnect.EventRestart, Data: []byte("{}")}
	large := chatconnect.RelayEvent{ID: 4, Type: chatconnect.EventToken, Data: bytes.Repeat([]byte("x"), relay.MaxEventBytes+1)}
	cases := []struct {
		name   string
		before []chatconnect.RelayEvent
		events []chatconnect.RelayEvent
		want   string
	}{
		{"the same again", tokens(1, 3), tokens(1, 3), "relay_fenced"},
		{"the last again", tokens(1, 3), tokens(3, 3), "relay_fenced"},
		{"a batch that begins in the past", tokens(1, 3), tokens(3, 5), "relay_fenced"},
		{"an attempt that is no longer the newest", append(tokens(1, 3), restart), tokens(4, 5), "relay_fenced"},
		{"an attempt that never was recorded and is superseded", []chatconnect.RelayEvent{restart}, tokens(1, 2), "relay_fenced"},
		{"the middle of an attempt on an empty record", nil, tokens(4, 5), "relay_incomplete"},
		{"a hole", tokens(1, 3), tokens(5, 6), "relay_incomplete"},
		{"a newer attempt whose beginning is lost", tokens(1, 3), []chatconnect.RelayEvent{{ID: span + 2, Type: "token"}}, "relay_incomplete"},
		{"a hole within the batch", tokens(1, 3), append(tokens(4, 4), tokens(6, 6)...), "internal"},
		{"ids that fall within the batch", tokens(1, 3), append(tokens(5, 5), tokens(4, 4)...), "internal"},
		{"no type", tokens(1, 3), []chatconnect.RelayEvent{{ID: 4}}, "internal"},
		{"an event too large", tokens(1, 3), []chatconnect.RelayEvent{large}, "relay_event_too_large"},
	}
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, r := within(t), newRelay(t, client, relay.Options{})
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				m := newMessage()
				require.NoError(t, r.Publish(ctx, m, c.before...))
				require.Equal(t, c.want, code(r.Publish(ctx, m, c.events...)))
				recorded, err := r.Events(ctx, m, 0)
				require.NoError(t, err)
				require.Len(t, recorded, len(c.before), "a refused batch leaves nothing")
			})
		}
		t.Run("a newer attempt after an unfinished one", func(t *testing.T) {
			m := newMessage()
			require.NoError(t, r.Publish(ctx, m, tokens(1, 3)...))
			require.NoError(t, r.Publish(ctx, m, restart, done(span+2)))
		})
		t.Run("nothing", func(t *testing.T) {
			require.NoError(t, r.Publish(ctx, newMessage()))
		})
	})
}

func TestFullRecordStillTakesAnEnd(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, r, m := within(t), newRelay(t, client, relay.Options{MaxEvents: 10}), newMessage()
		require.NoError(t, r.Publish(ctx, m, tokens(1, 10)...))
		require.Equal(t, "relay_full", code(r.Publish(ctx, m, tokens(11, 11)...)))
		require.NoError(t, r.Publish(ctx, m, done(11)))
		all, err := r.Events(ctx, m, 0)
		require.NoError(t, err)
		require.Len(t, all, 11)
	})
}

func TestRecordExpiresAfterItsLastEvent(t *testing.T) {
	t.Parallel()
	const ttl, brief = 20 * time.Minute, 10 * time.Millisecond
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		client := s.Client(t)
		ctx, r, m := within(t), newRelay(t, client, relay.Options{TTL: ttl}), newMessage()
		key := func(m chatconnect.MessageRef) string {
			return string(m.ClientID) + ":relay:" + string(m.SessionID) + ":" + string(m.MessageID)
		}

		require.NoError(t, r.Publish(ctx, m, tokens(1, 1)...))
		require.NoError(t, client.PExpire(ctx, key(m), ttl/2).Err()) // as if half of it had passed
		require.NoError(t, r.Publish(ctx, m, tokens(2, 2)...))
		require.Greater(t, client.PTTL(ctx, key(m)).Val(), ttl/2, "a new event renews the lifetime")

		short := newMessage()
		require.NoError(t, newRelay(t, client, relay.Options{TTL: brief}).Publish(ctx, short, tokens(1, 1)...))
		s.Expire(2 * brief)
		require.Zero(t, client.Exists(ctx, key(short)).Val())

		long := newMessage()
		require.NoError(t, newRelay(t, client, relay.Options{}).Publish(ctx, long, tokens(1, 1)...))
		require.InDelta(t, time.Hour, client.PTTL(ctx, key(long)).Val(), float64(2*patience), "one hour by default")
	})
}

func TestMessageRefIsChecked(t *testing.T) {
	t.Parallel()
	ctx, r := within(t), newRelay(t, redistest.Mini(t).Client(t), relay.Options{})
	good := newMessage()
	for name, m := range map[string]chatconnect.MessageRef{
		"client":        {ClientID: "*", SessionID: good.SessionID, MessageID: good.MessageID},
		"session":       {ClientID: good.ClientID, SessionID: "a:b", MessageID: good.MessageID},
		"empty message": {ClientID: good.ClientID, SessionID: good.SessionID},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, "message_ref_invalid", code(r.Publish(ctx, m, tokens(1, 1)...)))
			_, err := r.Events(ctx, m, 0)
			require.Equal(t, "message_ref_invalid", code(err))
			_, err = r.Subscribe(ctx, m, 0)
			require.Equal(t, "message_ref_invalid", code(err))
		})
	}
}
