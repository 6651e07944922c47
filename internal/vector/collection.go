package vector

import (
	"context"
	"fmt"
	"strings"

	"github.com/qdrant/go-client/qdrant"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Names of a point's vectors.
const (
	vectorDense = "dense" // cosine
	vectorBM25  = "bm25"  // sparse; the server multiplies query weights by IDF
)

// Keys of a collection's metadata. The model is kept there as it is called:
// the collection's name can't hold every character, and needn't be unique.
const (
	metadataModel = "embedding_model"
)

// DefaultPrefix starts the names of collections and aliases.
const DefaultPrefix = "chatconnect"

// CollectionName is the first collection of a model,
// "<prefix>_<model>_<dimensions>"; characters that a collection name may not
// have became "-". Later ones of the same model have "__" and a suffix behind
// it.
func CollectionName(prefix, model string, dimensions int) string {
	return fmt.Sprintf("%s_%s_%d", prefix, safeName(model), dimensions)
}

func safeName(model string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '-'
	}, model)
}

// describe returns the generation that a collection holds. The error is the
// client's own.
func (x *Index) describe(ctx context.Context, collection string) (chatconnect.Generation, error) {
	info, err := x.client.GetCollectionInfo(ctx, collection)
	if err != nil {
		return chatconnect.Generation{}, err
	}
	dense := info.GetConfig().GetParams().GetVectorsConfig().GetParamsMap().GetMap()[vectorDense]
	g := chatconnect.Generation{
		Collection: collection,
		Model:      info.GetConfig().GetMetadata()[metadataModel].GetStringValue(),
		Dimensions: int(dense.GetSize()),
	}
	if g.Model == "" {
		g.Model = x.modelFromName(collection, g.Dimensions)
	}
	return g, nil
}

// modelFromName guesses the model of a collection that was made without
// metadata, by a server before 1.16 or by hand.
func (x *Index) modelFromName(collection string, dimensions int) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(collection, x.prefix+"_"), "__")
	name = strings.TrimSuffix(name, fmt.Sprintf("_%d", dimensions))
	if name == safeName(x.model) {
		return x.model
	}
	return name
}

// ensure creates a generation's collection and its indexes where they are
// missing, and refuses a collection that can't hold its vectors.
func (x *Index) ensure(ctx, limited context.Context, g chatconnect.Generation) error {
	exists, err := x.client.CollectionExists(limited, g.Collection)
	if err != nil {
		return storeError(ctx, "collection exists", err)
	}
	if !exists {
		err := x.client.CreateCollection(limited, schema(g))
		if err != nil && !isAlreadyExists(err) { // another process was faster
			return storeError(ctx, "create collection", err)
		}
		if err == nil {
			x.log.InfoContext(ctx, "vector collection created", "collection", g.Collection, "model", g.Model, "dimensions", g.Dimensions)
		}
	}
	info, err := x.client.GetCollectionInfo(limited, g.Collection)
	if err != nil {
		return storeError(ctx, "collection info", err)
	}
	if err := check(g, info); err != nil {
		return err
	}
	for _, index := range payloadIndexes(g.Collection) {
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
func schema(g chatconnect.Generation) *qdrant.CreateCollection {
	return &qdrant.CreateCollection{
		CollectionName: g.Collection,
		VectorsConfig: qdrant.NewVectorsConfigMap(map[string]*qdrant.VectorParams{
			vectorDense: {Size: uint64(g.Dimensions), Distance: qdrant.Distance_Cosine},
		}),
		SparseVectorsConfig: qdrant.NewSparseVectorsConfig(map[string]*qdrant.SparseVectorParams{
			vectorBM25: {Modifier: qdrant.Modifier_Idf.Enum()},
		}),
		HnswConfig: &qdrant.HnswConfigDiff{M: qdrant.PtrOf(uint64(0)), PayloadM: qdrant.PtrOf(uint64(16))},
		Metadata:   map[string]*qdrant.Value{metadataModel: qdrant.NewValueString(g.Model)},
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

func check(g chatconnect.Generation, info *qdrant.CollectionInfo) error {
	params := info.GetConfig().GetParams()
	dense, ok := params.GetVectorsConfig().GetParamsMap().GetMap()[vectorDense]
	if !ok || dense.GetSize() != uint64(g.Dimensions) || dense.GetDistance() != qdrant.Distance_Cosine {
		return errRefused.Because(fmt.Errorf("vector: collection %q has no cosine vector %q of %d dimensions; delete it or choose another model name", g.Collection, vectorDense, g.Dimensions))
	}
	sparse, ok := params.GetSparseVectorsConfig().GetMap()[vectorBM25]
	if !ok || sparse.GetModifier() != qdrant.Modifier_Idf {
		return errRefused.Because(fmt.Errorf("vector: collection %q has no sparse vector %q with the IDF modifier", g.Collection, vectorBM25))
	}
	return nil
}
