package qdrant

import (
	"context"
	"crypto/subtle"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// authenticate checks the key in the header "api-key" or as a bearer token.
func authenticate(key string) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if key == "" {
			return next(ctx, request)
		}
		given, ok := bearer(ctx)
		switch {
		case !ok:
			return nil, status.Error(codes.Unauthenticated, "Must provide an API key or an Authorization bearer token")
		case subtle.ConstantTimeCompare([]byte(given), []byte(key)) != 1:
			return nil, status.Error(codes.Unauthenticated, "Invalid API key or JWT")
		}
		return next(ctx, request)
	}
}

func bearer(ctx context.Context) (string, bool) {
	md, _ := metadata.FromIncomingContext(ctx)
	if values := md.Get("api-key"); len(values) > 0 {
		return values[0], true
	}
	if values := md.Get("authorization"); len(values) > 0 {
		return strings.CutPrefix(values[0], "Bearer ")
	}
	return "", false
}

// refuseUnknownFields answers requests of a client that is newer than our
// stubs and sets fields we can't see.
func refuseUnknownFields(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if m, ok := request.(proto.Message); ok && len(m.ProtoReflect().GetUnknown()) > 0 {
		return nil, status.Errorf(codes.Unimplemented, "the stand-in does not know all fields of this %s request", info.FullMethod)
	}
	return next(ctx, request)
}
