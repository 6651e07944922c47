package conformance

import (
	"testing"

	pb "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
)

// create makes the usual collection: dense vectors of 4 dimensions by cosine,
// sparse ones with IDF.
func (f fixture) create(name string) {
	f.Helper()
	require.NoError(f, f.client.CreateCollection(f.ctx, hybrid(name)))
}

func hybrid(name string) *pb.CreateCollection {
	return &pb.CreateCollection{
		CollectionName: name,
		VectorsConfig: pb.NewVectorsConfigMap(map[string]*pb.VectorParams{
			"dense": {Size: 4, Distance: pb.Distance_Cosine},
		}),
		SparseVectorsConfig: pb.NewSparseVectorsConfig(map[string]*pb.SparseVectorParams{
			"bm25": {Modifier: pb.Modifier_Idf.Enum()},
		}),
	}
}

func (f fixture) keywordIndex(field string, tenant bool) {
	f.Helper()
	params := &pb.KeywordIndexParams{}
	if tenant {
		params.IsTenant = pb.PtrOf(true)
	}
	_, err := f.client.CreateFieldIndex(f.ctx, &pb.CreateFieldIndexCollection{
		CollectionName: f.name, Wait: pb.PtrOf(true), FieldName: field,
		FieldType: pb.FieldType_FieldTypeKeyword.Enum(), FieldIndexParams: pb.NewPayloadIndexParamsKeyword(params),
	})
	require.NoError(f, err)
}

func TestHealthCheck(t *testing.T) {
	onEach(t, func(f fixture) {
		reply, err := f.client.HealthCheck(f.ctx)
		require.NoError(f, err)
		require.NotEmpty(f, reply.GetVersion())
	})
}

func TestCollectionLifecycle(t *testing.T) {
	onEach(t, func(f fixture) {
		exists, err := f.client.CollectionExists(f.ctx, f.name)
		require.NoError(f, err)
		require.False(f, exists)

		f.create(f.name)
		requireCode(f, f.client.CreateCollection(f.ctx, hybrid(f.name)), codes.AlreadyExists, "Wrong input: Collection `"+f.name+"` already exists!")

		exists, err = f.client.CollectionExists(f.ctx, f.name)
		require.NoError(f, err)
		require.True(f, exists)
		names, err := f.client.ListCollections(f.ctx)
		require.NoError(f, err)
		require.Contains(f, names, f.name)

		f.keywordIndex("tenant", true)
		f.keywordIndex("tenant", true) // again changes nothing
		info, err := f.client.GetCollectionInfo(f.ctx, f.name)
		require.NoError(f, err)
		require.EqualValues(f, 0, info.GetPointsCount())
		require.EqualValues(f, 4, info.GetConfig().GetParams().GetVectorsConfig().GetParamsMap().GetMap()["dense"].GetSize())
		require.Equal(f, pb.Modifier_Idf, info.GetConfig().GetParams().GetSparseVectorsConfig().GetMap()["bm25"].GetModifier())
		require.Equal(f, pb.PayloadSchemaType_Keyword, info.GetPayloadSchema()["tenant"].GetDataType())
		require.True(f, info.GetPayloadSchema()["tenant"].GetParams().GetKeywordIndexParams().GetIsTenant())

		deleted, err := f.client.GetCollectionsClient().Delete(f.ctx, &pb.DeleteCollection{CollectionName: f.name})
		require.NoError(f, err)
		require.True(f, deleted.GetResult())
		deleted, err = f.client.GetCollectionsClient().Delete(f.ctx, &pb.DeleteCollection{CollectionName: f.name})
		require.NoError(f, err)
		require.False(f, deleted.GetResult())
	})
}

func TestMissingCollection(t *testing.T) {
	onEach(t, func(f fixture) {
		const text = "Not found: Collection `"
		_, err := f.client.GetCollectionInfo(f.ctx, f.name)
		requireCode(f, err, codes.NotFound, text+f.name+"` doesn't exist!")
		_, err = f.client.Upsert(f.ctx, &pb.UpsertPoints{CollectionName: f.name, Points: []*pb.PointStruct{densePoint(1, 1, 0, 0, 0)}})
		requireCode(f, err, codes.NotFound, text+f.name)
		_, err = f.client.Query(f.ctx, &pb.QueryPoints{CollectionName: f.name})
		requireCode(f, err, codes.NotFound, text+f.name)
		_, err = f.client.Count(f.ctx, &pb.CountPoints{CollectionName: f.name})
		requireCode(f, err, codes.NotFound, text+f.name)
		_, err = f.client.Delete(f.ctx, &pb.DeletePoints{CollectionName: f.name, Points: pb.NewPointsSelector(pb.NewIDNum(1))})
		requireCode(f, err, codes.NotFound, text+f.name)
		requireCode(f, f.client.CreateAlias(f.ctx, unique(), f.name), codes.NotFound, text+f.name)
	})
}

func TestAliases(t *testing.T) {
	onEach(t, func(f fixture) {
		second, alias := unique(), unique()
		defer func() { _ = f.client.DeleteCollection(f.ctx, second) }()
		f.create(f.name)
		f.create(second)
		f.upsert(f.name, densePoint(1, 1, 0, 0, 0))

		require.NoError(f, f.client.CreateAlias(f.ctx, alias, f.name))
		require.EqualValues(f, 1, f.count(alias, nil))
		exists, err := f.client.CollectionExists(f.ctx, alias)
		require.NoError(f, err)
		require.True(f, exists)
		names, err := f.client.ListCollectionAliases(f.ctx, f.name)
		require.NoError(f, err)
		require.Equal(f, []string{alias}, names)

		// Switched in one step.
		require.NoError(f, f.client.UpdateAliases(f.ctx, []*pb.AliasOperations{pb.NewAliasDelete(alias), pb.NewAliasCreate(alias, second)}))
		require.EqualValues(f, 0, f.count(alias, nil))
		f.upsert(alias, densePoint(2, 1, 0, 0, 0), densePoint(3, 1, 0, 0, 0))
		require.EqualValues(f, 2, f.count(second, nil))
		require.EqualValues(f, 1, f.count(f.name, nil))

		all, err := f.client.ListAliases(f.ctx)
		require.NoError(f, err)
		found := ""
		for _, a := range all {
			if a.GetAliasName() == alias {
				found = a.GetCollectionName()
			}
		}
		require.Equal(f, second, found)

		requireCode(f, f.client.CreateAlias(f.ctx, f.name, second), codes.AlreadyExists, "already exists")
		requireCode(f, f.client.RenameAlias(f.ctx, unique(), unique()), codes.NotFound, "does not exists!")
		require.NoError(f, f.client.DeleteAlias(f.ctx, alias))
		require.NoError(f, f.client.DeleteAlias(f.ctx, alias)) // no error either
		_, err = f.client.Count(f.ctx, &pb.CountPoints{CollectionName: alias})
		requireCode(f, err, codes.NotFound, alias)

		// An alias goes with its collection.
		require.NoError(f, f.client.CreateAlias(f.ctx, alias, second))
		require.NoError(f, f.client.DeleteCollection(f.ctx, second))
		names, err = f.client.ListCollectionAliases(f.ctx, second)
		require.NoError(f, err)
		require.Empty(f, names)
	})
}
