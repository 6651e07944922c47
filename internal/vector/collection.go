package vector

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/qdrant/go-client/qdrant"
)

// Names of a point's vectors.
const (
	vectorDense = "dense" // cosine
	vectorBM25  = "bm25"  // sparse; the server multiplies query weights by IDF
)

// Alias names the collection that is in use, for the re-indexing to come.
//
// An alias can't be checked and used in one step, and one that has been
// switched to another model's collection would mix vectors that mean different
// things. So requests never go through the alias: it is resolved, its target
// is used only if it belongs to our model and dimensions (the base collection,
// or a generation of it named base + "__" + n), and it is resolved again every
// few seconds. Otherwise the base collection is used.
const Alias = "chatconnect_chunks"

// resolveEvery is how long a switch of the alias may go unnoticed.
const resolveEvery = 5 * time.Second

// resolved is the collection in use.
type resolved struct {
	collection string
	at         time.Time
}

// CollectionName is the collection of a model, "chatconnect_<model>_<dims>";
// characters that a collection name may not have become "-".
func CollectionName(model string, dimensions int) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '-'
	}, model)
	return fmt.Sprintf("chatconnect_%s_%d", safe, dimensions)
}

// EnsureCollection makes sure that the collection, its payload indexes and the
// alias exist. It may run any number of times and in several processes at
// once.
func (x *Index) EnsureCollection(ctx context.Context) error {
	select {
	case x.resolving <- struct{}{}:
		defer func() { <-x.resolving }()
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err := x.resolve(ctx)
	return err
}

// collection returns the collection to use. Only the first call waits for it
// to be created; a later refresh is done by one caller while the others go on
// with what is known.
func (x *Index) collection(ctx context.Context) (string, error) {
	known := x.current.Load()
	if known != nil && time.Since(known.at) < resolveEvery {
		return known.collection, nil
	}
	if known != nil {
		select {
		case x.resolving <- struct{}{}:
		default:
			return known.collection, nil
		}
	} else {
		select {
		case x.resolving <- struct{}{}:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	defer func() { <-x.resolving }()
	if now := x.current.Load(); now != nil && now != known {
		return now.collection, nil // someone resolved it while we waited
	}
	return x.resolve(ctx)
}

// forget drops what is known, if it is still what the caller saw.
func (x *Index) forget(collection string) {
	if known := x.current.Load(); known != nil && known.collection == collection {
		x.current.CompareAndSwap(known, nil)
	}
}

// resolve must be called with the resolving token held.
func (x *Index) resolve(ctx context.Context) (string, error) {
	limited, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()

	known := x.current.Load()
	target, err := x.aliasTarget(limited)
	if err != nil {
		return "", storeError(ctx, "list aliases", err)
	}
	collection := x.base
	if x.ours(target) {
		collection = target
	}
	if known == nil || known.collection != collection {
		if err := x.ensure(ctx, limited, collection); err != nil {
			return "", err
		}
	}
	if target == "" {
		if err := x.client.CreateAlias(limited, Alias, collection); err != nil {
			return "", storeError(ctx, "create alias", err)
		}
	}
	x.current.Store(&resolved{collection: collection, at: time.Now()})
	return collection, nil
}

// ours reports whether a collection holds vectors of our model and dimensions.
func (x *Index) ours(collection string) bool {
	return collection == x.base || strings.HasPrefix(collection, x.base+"__")
}

// aliasTarget returns the collection the alias points at, "" if there is no
// such alias.
func (x *Index) aliasTarget(ctx context.Context) (string, error) {
	aliases, err := x.client.ListAliases(ctx)
	if err != nil {
		return "", err
	}
	for _, alias := range aliases {
		if alias.GetAliasName() == Alias {
			return alias.GetCollectionName(), nil
		}
	}
	return "", nil
}

// ensure creates the collection and its indexes where they are missing, and
// refuses a collection that can't hold our vectors.
func (x *Index) ensure(ctx, limited context.Context, collection string) error {
	exists, err := x.client.CollectionExists(limited, collection)
	if err != nil {
		return storeError(ctx, "collection exists", err)
	}
	if !exists {
		err := x.client.CreateCollection(limited, x.schema(collection))
		if err != nil && !isAlreadyExists(err) { // another process was faster
			return storeError(ctx, "create collection", err)
		}
		if err == nil {
			x.log.InfoContext(ctx, "vector collection created", "collection", collection, "dimensions", x.dimensions)
		}
	}
	info, err := x.client.GetCollectionInfo(limited, collection)
	if err != nil {
		return storeError(ctx, "collection info", err)
	}
	if err := x.check(collection, info); err != nil {
		return err
	}
	for _, index := range payloadIndexes(collection) {
		if _, ok := info.GetPayloadSchema()[index.GetFieldName()]; ok {
			continue
		}
		if _, err := x.client.CreateFieldIndex(limited, index); err != nil {
			return storeError(ctx, "create field index", err)
		}
	}
	return nil
}

// schema describes the collection. m = 0 with payload_m builds one search
// graph for each tenant and none over all, as Qdrant advises where every
// search is filtered by tenant.
func (x *Index) schema(collection string) *qdrant.CreateCollection {
	return &qdrant.CreateCollection{
		CollectionName: collection,
		VectorsConfig: qdrant.NewVectorsConfigMap(map[string]*qdrant.VectorParams{
			vectorDense: {Size: uint64(x.dimensions), Distance: qdrant.Distance_Cosine},
		}),
		SparseVectorsConfig: qdrant.NewSparseVectorsConfig(map[string]*qdrant.SparseVectorParams{
			vectorBM25: {Modifier: qdrant.Modifier_Idf.Enum()},
		}),
		HnswConfig: &qdrant.HnswConfigDiff{M: qdrant.PtrOf(uint64(0)), PayloadM: qdrant.PtrOf(uint64(16))},
	}
}

func payloadIndexes(collection string) []*qdrant.CreateFieldIndexCollection {
	keyword := func(field string, tenant bool) *qdrant.CreateFieldIndexCollection {
		params := &qdrant.KeywordIndexParams{}
		if tenant {
			params.IsTenant = qdrant.PtrOf(true)
		}
		return &qdrant.CreateFieldIndexCollection{
			CollectionName:   collection,
			Wait:             qdrant.PtrOf(true),
			FieldName:        field,
			FieldType:        qdrant.FieldType_FieldTypeKeyword.Enum(),
			FieldIndexParams: qdrant.NewPayloadIndexParamsKeyword(params),
		}
	}
	return []*qdrant.CreateFieldIndexCollection{
		keyword(keyClient, true),
		keyword(keyDocument, false),
		keyword(keyRevision, false),
	}
}

func (x *Index) check(collection string, info *qdrant.CollectionInfo) error {
	params := info.GetConfig().GetParams()
	dense, ok := params.GetVectorsConfig().GetParamsMap().GetMap()[vectorDense]
	if !ok || dense.GetSize() != uint64(x.dimensions) || dense.GetDistance() != qdrant.Distance_Cosine {
		return errRefused.Because(fmt.Errorf("vector: collection %q has no cosine vector %q of %d dimensions; delete it or choose another model name", collection, vectorDense, x.dimensions))
	}
	sparse, ok := params.GetSparseVectorsConfig().GetMap()[vectorBM25]
	if !ok || sparse.GetModifier() != qdrant.Modifier_Idf {
		return errRefused.Because(fmt.Errorf("vector: collection %q has no sparse vector %q with the IDF modifier", collection, vectorBM25))
	}
	return nil
}
