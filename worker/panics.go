package worker

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"go.temporal.io/sdk/interceptor"

	"github.com/chatconnect/chatconnect/activities"
)

// panics makes an error of an activity's panic, like any other that nothing is
// known about: the SDK's own would be tried again for ever, and a document that
// meets a bug would be "processing" as long.
type panics struct {
	interceptor.WorkerInterceptorBase
	logger *slog.Logger
}

func (p *panics) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &panickingActivity{interceptor.ActivityInboundInterceptorBase{Next: next}, p.logger}
}

type panickingActivity struct {
	interceptor.ActivityInboundInterceptorBase
	logger *slog.Logger
}

func (p *panickingActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (result any, err error) {
	defer func() {
		if v := recover(); v != nil {
			p.logger.ErrorContext(ctx, "activity panicked", "panic", v, "stack", string(debug.Stack()))
			result, err = nil, activities.Encode(ctx, fmt.Errorf("panic: %v", v))
		}
	}()
	return p.Next.ExecuteActivity(ctx, in)
}
