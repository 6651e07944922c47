package qdrant

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The texts are the real server's, so that code that reads them works here.

func errNoCollection(name string) error {
	return status.Errorf(codes.NotFound, "Not found: Collection `%s` doesn't exist!", name)
}

func errCollectionExists(name string) error {
	return status.Errorf(codes.AlreadyExists, "Wrong input: Collection `%s` already exists!", name)
}

func errDimension(expected, got int) error {
	return status.Errorf(codes.InvalidArgument, "Wrong input: Vector dimension error: expected dim: %d, got %d", expected, got)
}

func errVectorName(name string) error {
	return status.Errorf(codes.InvalidArgument, "Wrong input: Not existing vector name error: %s", name)
}

func errNoPoint(id pointID) error {
	return status.Errorf(codes.NotFound, "Not found: No point with id %s found", id)
}

func errWrongInput(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, "Wrong input: "+format, args...)
}

func errBadRequest(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, "Bad request: "+format, args...)
}

func errValidation(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, "Validation error in body: "+format, args...)
}

func errMalformed(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// part is a part of a request that the stand-in does not serve.
type part struct {
	name string
	set  bool
}

// refuse answers Unimplemented with the name of the first part that is set.
func refuse(parts ...part) error {
	for _, p := range parts {
		if p.set {
			return errUnsupported(p.name)
		}
	}
	return nil
}

func errUnsupported(name string) error {
	return status.Errorf(codes.Unimplemented, "the stand-in for Qdrant does not implement %s", name)
}
