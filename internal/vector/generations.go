package vector

import (
	"context"
	"fmt"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

// The aliases say which generation is which; they are what all processes agree
// by. Requests never go through them, because an alias can't be checked and
// used in one step, and a vector of one model means nothing in another's
// collection: an alias is resolved, and its target is used by name together
// with the model that it was made for.
const (
	aliasActive   = "chunks"
	aliasNext     = "chunks_next"
	aliasPrevious = "chunks_previous"
)

// refreshAfter is when a caller begins to look at the aliases again. Others go
// on with what is known meanwhile, until it is chatconnect.GenerationsAge old.
const refreshAfter = chatconnect.GenerationsAge / 2

// view is what was seen of the aliases.
type view struct {
	chatconnect.Generations
	at time.Time
}

// alias is the full name of one of the aliases.
func (x *Index) alias(name string) string { return x.prefix + "_" + name }

// base is the generation of a fresh installation.
func (x *Index) base() chatconnect.Generation {
	return chatconnect.Generation{
		Collection: CollectionName(x.prefix, x.model, x.dimensions), Model: x.model, Dimensions: x.dimensions,
	}
}

// EnsureCollection makes sure that there is an active generation. It may run
// any number of times and in several processes at once.
func (x *Index) EnsureCollection(ctx context.Context) error {
	_, err := x.RefreshGenerations(ctx)
	return err
}

// RefreshGenerations implements chatconnect.IndexBuilder.
func (x *Index) RefreshGenerations(ctx context.Context) (chatconnect.Generations, error) {
	if err := x.lock(ctx); err != nil {
		return chatconnect.Generations{}, err
	}
	defer x.unlock()
	return x.resolve(ctx)
}

// Generations implements chatconnect.VectorIndex.
func (x *Index) Generations(ctx context.Context) (chatconnect.Generations, error) {
	known := x.current.Load()
	age := chatconnect.GenerationsAge
	if known != nil {
		age = time.Since(known.at)
	}
	switch {
	case age < refreshAfter:
		return known.Generations, nil
	case age < chatconnect.GenerationsAge && !x.tryLock():
		return known.Generations, nil // someone is looking
	case age >= chatconnect.GenerationsAge:
		if err := x.lock(ctx); err != nil {
			return chatconnect.Generations{}, err
		}
	}
	defer x.unlock()
	if now := x.current.Load(); now != nil && now != known {
		return now.Generations, nil // someone looked while we waited
	}
	return x.resolve(ctx)
}

// The lock is a channel, so that waiting for it ends with the context.
func (x *Index) lock(ctx context.Context) error {
	select {
	case x.resolving <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (x *Index) tryLock() bool {
	select {
	case x.resolving <- struct{}{}:
		return true
	default:
		return false
	}
}

func (x *Index) unlock() { <-x.resolving }

// forget has the next caller look again.
func (x *Index) forget() { x.current.Store(nil) }

// resolve must be called with the lock held.
func (x *Index) resolve(ctx context.Context) (chatconnect.Generations, error) {
	limited, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	at := time.Now() // before looking: what is seen may be older than the answer
	seen, err := x.look(ctx, limited)
	if err != nil {
		return chatconnect.Generations{}, err
	}
	x.current.Store(&view{Generations: seen, at: at})
	x.compare(ctx, seen.Active)
	return seen, nil
}

// look resolves the aliases. If there is no active generation, or its
// collection is gone, it makes that of our model.
func (x *Index) look(ctx, limited context.Context) (chatconnect.Generations, error) {
	var seen chatconnect.Generations
	targets, err := x.targets(limited)
	if err != nil {
		return seen, storeError(ctx, "list aliases", err)
	}
	if targets[aliasActive] != "" {
		seen.Active, err = x.generation(limited, targets[aliasActive])
	}
	if targets[aliasActive] == "" || isNotFound(err) {
		if err := x.ensure(ctx, limited, x.base()); err != nil {
			return seen, err
		}
		if err := x.client.CreateAlias(limited, x.alias(aliasActive), x.base().Collection); err != nil {
			return seen, storeError(ctx, "create alias", err)
		}
		// Another process may have done the same, for another model: the last
		// one's alias holds, for both.
		if targets, err = x.targets(limited); err != nil {
			return seen, storeError(ctx, "list aliases", err)
		}
		seen.Active, err = x.generation(limited, targets[aliasActive])
	}
	if err != nil {
		return seen, storeError(ctx, "collection info", err)
	}
	if known := x.current.Load(); seen.Active == x.base() && (known == nil || known.Active != seen.Active) {
		// The process that made it may have died before its indexes.
		if err := x.ensure(ctx, limited, seen.Active); err != nil {
			return seen, err
		}
	}
	for name, at := range map[string]**chatconnect.Generation{aliasNext: &seen.Next, aliasPrevious: &seen.Previous} {
		if targets[name] == "" {
			continue
		}
		g, err := x.generation(limited, targets[name])
		if isNotFound(err) {
			continue // removed a moment ago
		}
		if err != nil {
			return seen, storeError(ctx, "collection info", err)
		}
		*at = &g
	}
	return seen, nil
}

// targets returns the collection that each of our aliases points at.
func (x *Index) targets(ctx context.Context) (map[string]string, error) {
	aliases, err := x.client.ListAliases(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, alias := range aliases {
		all[alias.GetAliasName()] = alias.GetCollectionName()
	}
	ours := map[string]string{}
	for _, name := range []string{aliasActive, aliasNext, aliasPrevious} {
		ours[name] = all[x.alias(name)]
	}
	return ours, nil
}

// generation describes a collection, from memory if it was seen before and is
// believed to exist: what it was made for never changes.
func (x *Index) generation(ctx context.Context, collection string) (chatconnect.Generation, error) {
	if known := x.current.Load(); known != nil {
		for _, g := range known.All() {
			if g.Collection == collection {
				return g, nil
			}
		}
	}
	return x.describe(ctx, collection)
}

// compare says once that the index is another model's than the settings'.
func (x *Index) compare(ctx context.Context, active chatconnect.Generation) {
	if active.HasModel(x.model, x.dimensions) {
		x.mismatch.Store(nil)
		return
	}
	said := x.mismatch.Swap(&active)
	if said == nil || *said != active {
		x.log.WarnContext(ctx, x.Notice(), "collection", active.Collection)
	}
}

// Notice is a sentence for the operator if the index was built with another
// model than the one set up, else empty. It speaks of what was last seen.
func (x *Index) Notice() string {
	active := x.mismatch.Load()
	if active == nil {
		return ""
	}
	return fmt.Sprintf("The search index was built with %s (%d dimensions), and is searched with it; run `chatconnect reindex` to change to %s (%d dimensions).",
		active.Model, active.Dimensions, x.model, x.dimensions)
}
