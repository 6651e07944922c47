package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// rewrittenFor is longer than Retrieve is tried for one question.
const rewrittenFor = 5 * time.Minute

// rewrittenKey is where what a question was rewritten to waits for the next
// attempt at searching for it.
func rewrittenKey(m chatconnect.MessageRef) string {
	return string(m.ClientID) + ":rewritten:" + string(m.SessionID) + ":" + string(m.MessageID)
}

// rewrite asks for what to search with, unless an attempt before has: while the
// index is away there may be dozens of them, and a model takes money for each.
func (a *Chat) rewrite(ctx context.Context, in *temporal.ChatInput, history []chatconnect.Turn) chatconnect.Rewritten {
	if activity.IsActivity(ctx) && activity.GetInfo(ctx).Attempt > 1 {
		text, found, err := a.Cache.Get(ctx, rewrittenKey(in.Ref()))
		if err != nil && ctx.Err() == nil {
			a.Logger.WarnContext(ctx, "rewritten question not read", "message_id", in.MessageID, "error", err)
		}
		if err == nil && found {
			return chatconnect.Rewritten{Text: string(text)}
		}
	}
	return a.Rewriter.Rewrite(ctx, history, in.Text)
}

// rewrittenInVain counts a rewriting whose search has failed, and keeps its
// text: no result will tell of it.
func (a *Chat) rewrittenInVain(ctx context.Context, in *temporal.ChatInput, text string, rewritten chatconnect.Rewritten) {
	if rewritten.Usage == (chatconnect.Usage{}) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	if err := a.Cache.Set(ctx, rewrittenKey(in.Ref()), []byte(text), rewrittenFor); err != nil {
		a.Logger.WarnContext(ctx, "rewritten question not kept", "message_id", in.MessageID, "error", err)
	}
	a.spent(ctx, in, rewritten.Spent())
}
