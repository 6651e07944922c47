package qdrant

import (
	"context"
	"maps"
	"slices"
	"time"

	pb "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// UpdateAliases applies all actions or none, so that an alias can be switched
// from one collection to another in one step.
func (s *collectionsService) UpdateAliases(_ context.Context, r *pb.ChangeAliases) (*pb.CollectionOperationResponse, error) {
	return s.operate(opChangeAliases, r)
}

func (st *state) prepareChangeAliases(r *pb.ChangeAliases) (func(), error) {
	aliases := maps.Clone(st.aliases)
	for _, action := range r.GetActions() {
		switch o := action.GetAction().(type) {
		case *pb.AliasOperations_CreateAlias:
			alias, target := o.CreateAlias.GetAliasName(), o.CreateAlias.GetCollectionName()
			if _, ok := st.collections[target]; !ok {
				return nil, errNoCollection(target)
			}
			if _, ok := st.collections[alias]; ok {
				return nil, errCollectionExists(alias)
			}
			aliases[alias] = target
		case *pb.AliasOperations_RenameAlias:
			from, to := o.RenameAlias.GetOldAliasName(), o.RenameAlias.GetNewAliasName()
			target, ok := aliases[from]
			if !ok {
				return nil, status.Errorf(codes.NotFound, "Not found: Alias %s does not exists!", from)
			}
			if _, ok := st.collections[to]; ok {
				return nil, errCollectionExists(to)
			}
			delete(aliases, from)
			aliases[to] = target
		case *pb.AliasOperations_DeleteAlias:
			delete(aliases, o.DeleteAlias.GetAliasName())
		default:
			return nil, errMalformed("Malformed AliasOperation type")
		}
	}
	return func() { st.aliases = aliases }, nil
}

func (s *collectionsService) ListAliases(context.Context, *pb.ListAliasesRequest) (*pb.ListAliasesResponse, error) {
	return s.aliases(func(string) bool { return true }), nil
}

func (s *collectionsService) ListCollectionAliases(_ context.Context, r *pb.ListCollectionAliasesRequest) (*pb.ListAliasesResponse, error) {
	return s.aliases(func(target string) bool { return target == r.GetCollectionName() }), nil
}

func (s *collectionsService) aliases(wanted func(target string) bool) *pb.ListAliasesResponse {
	start := time.Now()
	s.s.reading.RLock()
	defer s.s.reading.RUnlock()
	response := &pb.ListAliasesResponse{}
	for _, alias := range slices.Sorted(maps.Keys(s.s.state.aliases)) {
		if target := s.s.state.aliases[alias]; wanted(target) {
			response.Aliases = append(response.Aliases, &pb.AliasDescription{AliasName: alias, CollectionName: target})
		}
	}
	response.Time = time.Since(start).Seconds()
	return response
}
