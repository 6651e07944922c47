package vector

import (
	"context"
	"fmt"

	"github.com/qdrant/go-client/qdrant"

	chatconnect "github.com/chatconnect/chatconnect"
)

var _ chatconnect.IndexBuilder = (*Index)(nil)

// StartNext implements chatconnect.IndexBuilder.
func (x *Index) StartNext(ctx context.Context, model string, dimensions int, suffix string) (chatconnect.Generation, error) {
	next := chatconnect.Generation{Collection: x.nextName(model, dimensions, suffix), Model: model, Dimensions: dimensions}
	return next, x.change(ctx, func(limited context.Context, targets map[string]string) error {
		if begun := targets[aliasNext]; begun != "" && begun != next.Collection {
			known, err := x.describe(limited, begun)
			if err == nil && known.HasModel(model, dimensions) {
				next = known
				return nil
			}
			if err != nil && !isNotFound(err) {
				return storeError(ctx, "collection info", err)
			}
			if err := x.drop(ctx, limited, aliasNext, begun, err == nil); err != nil {
				return err
			}
		}
		if err := x.ensure(ctx, limited, next); err != nil {
			return err
		}
		if targets[aliasNext] == next.Collection {
			return nil
		}
		if err := x.client.CreateAlias(limited, x.alias(aliasNext), next.Collection); err != nil {
			return storeError(ctx, "create alias", err)
		}
		return nil
	})
}

func (x *Index) nextName(model string, dimensions int, suffix string) string {
	return CollectionName(x.prefix, model, dimensions) + "__" + suffix
}

// SwitchToNext implements chatconnect.IndexBuilder.
func (x *Index) SwitchToNext(ctx context.Context, next chatconnect.Generation) error {
	return x.change(ctx, func(limited context.Context, targets map[string]string) error {
		switch next.Collection {
		case targets[aliasActive]:
			return nil // by an earlier attempt
		case targets[aliasNext]:
		default:
			return chatconnect.ErrGenerationGone.Because(fmt.Errorf("vector: %q is not the collection being built, %q is", next.Collection, targets[aliasNext]))
		}
		if left := targets[aliasPrevious]; left != "" { // by a reindex that was terminated
			if err := x.drop(ctx, limited, aliasPrevious, left, true); err != nil {
				return err
			}
		}
		actions := []*qdrant.AliasOperations{
			qdrant.NewAliasDelete(x.alias(aliasNext)),
			qdrant.NewAliasDelete(x.alias(aliasActive)),
			qdrant.NewAliasCreate(x.alias(aliasActive), next.Collection),
			qdrant.NewAliasCreate(x.alias(aliasPrevious), targets[aliasActive]),
		}
		if targets[aliasActive] == "" {
			actions = []*qdrant.AliasOperations{actions[0], actions[2]}
		}
		if err := x.client.UpdateAliases(limited, actions); err != nil {
			return storeError(ctx, "switch aliases", err)
		}
		x.log.InfoContext(ctx, "search index switched", "collection", next.Collection, "model", next.Model, "previous", targets[aliasActive])
		return nil
	})
}

// DropNext implements chatconnect.IndexBuilder.
func (x *Index) DropNext(ctx context.Context, next chatconnect.Generation) error {
	return x.change(ctx, func(limited context.Context, targets map[string]string) error {
		if targets[aliasNext] != next.Collection {
			return nil
		}
		return x.drop(ctx, limited, aliasNext, next.Collection, true)
	})
}

// DropUnknown implements chatconnect.IndexBuilder.
func (x *Index) DropUnknown(ctx context.Context, model string, dimensions int, suffix string) error {
	left := x.nextName(model, dimensions, suffix)
	return x.change(ctx, func(limited context.Context, targets map[string]string) error {
		for _, known := range targets {
			if known == left {
				return nil
			}
		}
		exists, err := x.client.CollectionExists(limited, left)
		if err != nil {
			return storeError(ctx, "collection exists", err)
		}
		return x.drop(ctx, limited, aliasNext, left, exists)
	})
}

// DropPrevious implements chatconnect.IndexBuilder.
func (x *Index) DropPrevious(ctx context.Context) error {
	return x.change(ctx, func(limited context.Context, targets map[string]string) error {
		if targets[aliasPrevious] == "" {
			return nil
		}
		return x.drop(ctx, limited, aliasPrevious, targets[aliasPrevious], true)
	})
}

// change runs do with the aliases as they are now, and has this process look at
// them again afterwards. Changes of one process don't overlap; a reindex is one
// workflow, so those of several don't either.
func (x *Index) change(ctx context.Context, do func(limited context.Context, targets map[string]string) error) error {
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.unlock()
	defer x.forget()
	limited, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	targets, err := x.targets(limited)
	if err != nil {
		return storeError(ctx, "list aliases", err)
	}
	return do(limited, targets)
}

// drop removes a collection and the alias by which it is known.
func (x *Index) drop(ctx, limited context.Context, alias, collection string, exists bool) error {
	if exists { // takes its aliases with it
		if _, err := x.client.GetCollectionsClient().Delete(limited, &qdrant.DeleteCollection{CollectionName: collection}); err != nil {
			return storeError(ctx, "delete collection", err)
		}
		x.log.InfoContext(ctx, "vector collection removed", "collection", collection)
	}
	targets, err := x.targets(limited)
	if err != nil {
		return storeError(ctx, "list aliases", err)
	}
	if targets[alias] != collection {
		return nil
	}
	if err := x.client.DeleteAlias(limited, x.alias(alias)); err != nil {
		return storeError(ctx, "delete alias", err)
	}
	return nil
}
