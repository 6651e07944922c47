package qdrant

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// commit makes a change: it is checked, logged and applied, in this order.
// changed is false if there was nothing to do. Readers are locked out only
// while it is applied.
func (s *Server) commit(op opcode, request proto.Message) (sequence uint64, changed bool, err error) {
	body, err := encode(op, request)
	if err != nil {
		return 0, false, status.Errorf(codes.Internal, "Service internal error: %v", err)
	}
	record := frame(body)

	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return 0, false, status.Error(codes.Unavailable, "the server is closing")
	}
	apply, err := s.state.prepare(op, request)
	if err != nil {
		return 0, false, err
	}
	if apply == nil {
		return s.state.sequence, false, nil
	}
	if err := s.journal.append(record); err != nil {
		return 0, false, status.Errorf(codes.Internal, "Service internal error: %v", err)
	}
	s.reading.Lock()
	s.state.apply(apply)
	sequence = s.state.sequence
	s.reading.Unlock()

	if err := s.compactIfWorthwhile(); err != nil {
		// The old log is whole and stays in use.
		s.log.Error("qdrant: compact the log", "error", err)
	}
	return sequence, true, nil
}
