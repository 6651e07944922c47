package worker

import (
	"context"

	"go.temporal.io/sdk/interceptor"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/telemetry"
)

// tenantLogging puts the client of an activity's input into its context, so
// that every line logged under it carries client_id.
type tenantLogging struct {
	interceptor.WorkerInterceptorBase
}

func (*tenantLogging) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &tenantActivity{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type tenantActivity struct {
	interceptor.ActivityInboundInterceptorBase
}

func (t *tenantActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if len(in.Args) == 1 { // as every activity of ours has
		if owned, ok := in.Args[0].(interface{ Tenant() chatconnect.ClientID }); ok {
			ctx = telemetry.WithClientID(ctx, owned.Tenant())
		}
	}
	return t.Next.ExecuteActivity(ctx, in)
}
