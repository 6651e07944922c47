package answerstream_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities/answerstream"
	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/internal/relay"
)

// Redis dies in the middle of an answer, takes all data with it and comes back
// empty. The visitor who was reading gets the answer once, without a seam; one
// who comes later gets it from its beginning.
func TestRedisDiesAndComesBackEmpty(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		const patience = time.Minute // of a busy machine
		ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
		defer cancel()
		r := relay.New(relay.Options{Redis: s.Client(t), Confirm: patience, Tolerance: patience})
		t.Cleanup(r.Close)
		ref := chatconnect.MessageRef{ClientID: chatconnect.ClientID(uuid.NewString()), SessionID: "s", MessageID: "m"}

		reader, err := r.Subscribe(ctx, ref, 0)
		require.NoError(t, err)
		defer reader.Close()
		type result struct {
			text string
			ids  []int64
			err  error
		}
		heard := make(chan struct{})
		results := make(chan result, 1)
		go func() {
			var got result
			got.text, got.ids, got.err = read(ctx, reader, heard)
			results <- got
		}()

		w := answerstream.NewWriterOptions(r, ref, 1, answerstream.Options{Deliver: patience})
		defer w.Close()
		var want strings.Builder
		write := func(from, to int) {
			for i := from; i < to; i++ {
				word := fmt.Sprintf(" w%d", i)
				want.WriteString(word)
				require.NoError(t, w.Token(ctx, word))
				time.Sleep(time.Millisecond) // a model's pace
			}
		}
		write(0, 50)
		<-heard
		s.Stop()
		write(50, 150) // Redis is away until all of it is written: nothing waits for it
		s.Start(t)
		write(150, 200)
		require.NoError(t, w.Done(ctx, chatconnect.Answer{MessageID: "m"}, chatconnect.ChatAnswered))

		got := <-results
		require.NoError(t, got.err)
		require.Equal(t, want.String(), got.text)
		for i, id := range got.ids {
			require.EqualValues(t, i+1, id)
		}

		late, err := r.Subscribe(ctx, ref, 0)
		require.NoError(t, err)
		defer late.Close()
		text, _, err := read(ctx, late, nil)
		require.NoError(t, err)
		require.Equal(t, want.String(), text)

		recovered, err := answerstream.Recover(ctx, r, ref)
		require.NoError(t, err)
		require.True(t, recovered.Done)
		require.Equal(t, want.String(), recovered.Answer.Text)
	})
}

// read reads an answer to its end, and closes heard after the first event.
func read(ctx context.Context, s chatconnect.Subscription, heard chan struct{}) (text string, ids []int64, err error) {
	for {
		e, err := s.Next(ctx)
		if errors.Is(err, io.EOF) {
			return text, ids, nil
		}
		if err != nil {
			return text, ids, err
		}
		if len(ids) == 0 && heard != nil {
			close(heard)
		}
		ids = append(ids, e.ID)
		if e.Type == chatconnect.EventToken {
			var token struct{ Text string }
			if err := json.Unmarshal(e.Data, &token); err != nil {
				return text, ids, err
			}
			text += token.Text
		}
	}
}
