package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	pb "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"pgregory.net/rapid"
)

// A filter is generated twice: as the message that is sent, and as a function
// on the plain payload, written without a look at the server's code.
type generated struct {
	text    string
	message *pb.Condition
	holds   func(id uint64, payload map[string]any) bool
}

var colors = []string{"red", "green", "blue", "none"}

// zoo makes points whose fields are missing, null, empty, single and lists.
func zoo(n int) map[uint64]map[string]any {
	random := rand.New(rand.NewPCG(1, 2))
	points := map[uint64]map[string]any{}
	for id := range uint64(n) {
		p := map[string]any{}
		switch random.IntN(9) {
		case 0: // missing
		case 1:
			p["color"] = nil
		case 2:
			p["color"] = []any{}
		case 3:
			p["color"] = []any{colors[random.IntN(3)], colors[random.IntN(3)]}
		case 4:
			p["color"] = int64(3) // of another type than the index
		case 5:
			p["color"] = []any{nil, colors[random.IntN(3)]}
		default:
			p["color"] = colors[random.IntN(3)]
		}
		if random.IntN(4) > 0 {
			p["n"] = int64(random.IntN(6))
		}
		if random.IntN(4) > 0 {
			p["price"] = float64(random.IntN(13)) / 2 // on the borders, too
		}
		if random.IntN(2) > 0 {
			p["flag"] = random.IntN(2) > 0
		}
		if random.IntN(3) > 0 {
			p["deep"] = map[string]any{"color": colors[random.IntN(3)]}
		}
		var items []any
		for range random.IntN(4) {
			items = append(items, map[string]any{"color": colors[random.IntN(3)], "n": int64(random.IntN(4))})
		}
		if items != nil {
			p["items"] = items
		}
		points[id+1] = p
	}
	return points
}

// values opens a field's list.
func values(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

// leaf is a condition on one field; missing fields meet none.
func leaf(text string, message *pb.Condition, field func(map[string]any) (any, bool), test func(any) bool) generated {
	return generated{text, message, func(_ uint64, payload map[string]any) bool {
		v, ok := field(payload)
		return ok && slices.ContainsFunc(values(v), test)
	}}
}

func key(name string) func(map[string]any) (any, bool) {
	return func(p map[string]any) (any, bool) { v, ok := p[name]; return v, ok }
}

func deepColor(p map[string]any) (any, bool) {
	deep, ok := p["deep"].(map[string]any)
	return deep["color"], ok
}

func drawLeaf(t *rapid.T) generated {
	color := rapid.SampledFrom(colors).Draw(t, "color")
	two := rapid.SliceOfN(rapid.SampledFrom(colors), 1, 2).Draw(t, "colors")
	n := rapid.Int64Range(0, 6).Draw(t, "n")
	isColor := func(v any) bool { return v == color }
	inTwo := func(v any) bool { s, ok := v.(string); return ok && slices.Contains(two, s) }
	switch rapid.IntRange(0, 11).Draw(t, "kind") {
	case 0:
		return leaf("color="+color, pb.NewMatchKeyword("color", color), key("color"), isColor)
	case 1:
		return leaf(fmt.Sprint("color in ", two), pb.NewMatchKeywords("color", two...), key("color"), inTwo)
	case 2:
		return leaf(fmt.Sprint("color except ", two), pb.NewMatchExcept("color", two...), key("color"), func(v any) bool { return v != nil && !inTwo(v) })
	case 3:
		return leaf(fmt.Sprint("n=", n), pb.NewMatchInt("n", n), key("n"), func(v any) bool { return v == n })
	case 4:
		return leaf(fmt.Sprint("n in ", n, n+1), pb.NewMatchInts("n", n, n+1), key("n"), func(v any) bool { return v == n || v == n+1 })
	case 5:
		return leaf("flag", pb.NewMatchBool("flag", true), key("flag"), func(v any) bool { return v == true })
	case 6:
		return leaf(fmt.Sprint(n, "<=n<", n+2), pb.NewRange("n", &pb.Range{Gte: pb.PtrOf(float64(n)), Lt: pb.PtrOf(float64(n + 2))}), key("n"),
			func(v any) bool { return v.(int64) >= n && v.(int64) < n+2 })
	case 7:
		return leaf(fmt.Sprint(n, "<price<=", n+2), pb.NewRange("price", &pb.Range{Gt: pb.PtrOf(float64(n)), Lte: pb.PtrOf(float64(n + 2))}), key("price"),
			func(v any) bool { return v.(float64) > float64(n) && v.(float64) <= float64(n+2) })
	case 8:
		ids := rapid.SliceOfN(rapid.Uint64Range(1, 60), 0, 30).Draw(t, "ids")
		var list []*pb.PointId
		for _, id := range ids {
			list = append(list, pb.NewIDNum(id))
		}
		return generated{fmt.Sprint("id in ", ids), pb.NewHasID(list...), func(id uint64, _ map[string]any) bool { return slices.Contains(ids, id) }}
	case 9:
		return generated{"color is empty", pb.NewIsEmpty("color"), func(_ uint64, p map[string]any) bool {
			v := p["color"]
			list, ok := v.([]any)
			return v == nil || ok && len(list) == 0
		}}
	case 10:
		return leaf("deep.color="+color, pb.NewMatchKeyword("deep.color", color), deepColor, isColor)
	default:
		inner := must(pb.NewMatchKeyword("color", color), pb.NewMatchInt("n", n))
		return leaf(fmt.Sprint("items[] with color=", color, " and n=", n), pb.NewNestedFilter("items", inner), key("items"), func(v any) bool {
			item := v.(map[string]any)
			return item["color"] == color && item["n"] == n
		})
	}
}

func drawFilter(t *rapid.T, depth int) generated {
	draw := func(label string) []generated {
		var list []generated
		for range rapid.IntRange(0, 2).Draw(t, label) {
			if depth > 0 && rapid.IntRange(0, 3).Draw(t, "nest") == 0 {
				list = append(list, drawFilter(t, depth-1))
			} else {
				list = append(list, drawLeaf(t))
			}
		}
		return list
	}
	mustAll, not, should := draw("must"), draw("must_not"), draw("should")
	filter := &pb.Filter{}
	text := "("
	for _, g := range mustAll {
		filter.Must = append(filter.Must, g.message)
		text += " +" + g.text
	}
	for _, g := range not {
		filter.MustNot = append(filter.MustNot, g.message)
		text += " -" + g.text
	}
	for _, g := range should {
		filter.Should = append(filter.Should, g.message)
		text += " ?" + g.text
	}
	return generated{text + " )", pb.NewFilterAsCondition(filter), func(id uint64, p map[string]any) bool {
		holds := func(g generated) bool { return g.holds(id, p) }
		for _, g := range mustAll {
			if !holds(g) {
				return false
			}
		}
		return !slices.ContainsFunc(not, holds) && (len(should) == 0 || slices.ContainsFunc(should, holds))
	}}
}

// TestFiltersAgreeWithNaiveEvaluation compares count, scroll and search under
// random filters with an evaluation point by point, with and without indexes.
func TestFiltersAgreeWithNaiveEvaluation(t *testing.T) {
	for _, indexed := range []bool{false, true} {
		t.Run(fmt.Sprintf("indexed=%v", indexed), func(t *testing.T) {
			onEach(t, func(f fixture) {
				points := zoo(60)
				f.create(f.name)
				if indexed {
					f.keywordIndex("color", true)
					f.keywordIndex("deep.color", false)
				}
				var batch []*pb.PointStruct
				for id, payload := range points {
					batch = append(batch, with(densePoint(id, float32(id), 1, 0, 0), payload))
				}
				f.upsert(f.name, batch...)

				rapid.Check(f.T, func(rt *rapid.T) {
					g := drawFilter(rt, 2)
					filter := g.message.GetFilter()
					var want []uint64
					for id, payload := range points {
						if g.holds(id, payload) {
							want = append(want, id)
						}
					}
					slices.Sort(want)

					page, err := f.client.Scroll(f.ctx, &pb.ScrollPoints{CollectionName: f.name, Filter: filter, Limit: pb.PtrOf(uint32(100))})
					require.NoError(rt, err)
					var scrolled []uint64
					for _, p := range page {
						scrolled = append(scrolled, p.GetId().GetNum())
					}
					require.Equal(rt, want, scrolled, g.text)

					n, err := f.client.Count(f.ctx, &pb.CountPoints{CollectionName: f.name, Filter: filter, Exact: pb.PtrOf(true)})
					require.NoError(rt, err)
					require.EqualValues(rt, len(want), n, g.text)

					hits, err := f.client.Query(f.ctx, &pb.QueryPoints{
						CollectionName: f.name, Query: pb.NewQuery(1, 0, 0, 0), Using: pb.PtrOf("dense"), Filter: filter, Limit: pb.PtrOf(uint64(100)),
					})
					require.NoError(rt, err)
					var found []uint64
					for _, h := range hits {
						found = append(found, h.GetId().GetNum())
					}
					require.ElementsMatch(rt, want, found, g.text)
				})
			})
		})
	}
}

func TestMinShould(t *testing.T) {
	onEach(t, func(f fixture) {
		f.create(f.name)
		f.upsert(f.name,
			with(densePoint(1, 1, 0, 0, 0), map[string]any{"a": true}),
			with(densePoint(2, 1, 0, 0, 0), map[string]any{"a": true, "b": true}),
			with(densePoint(3, 1, 0, 0, 0), map[string]any{"a": true, "b": true, "c": true}),
		)
		n := f.count(f.name, &pb.Filter{MinShould: &pb.MinShould{MinCount: 2, Conditions: []*pb.Condition{
			pb.NewMatchBool("a", true), pb.NewMatchBool("b", true), pb.NewMatchBool("c", true),
		}}})
		require.EqualValues(f, 2, n)
	})
}

func TestMalformedFilter(t *testing.T) {
	onEach(t, func(f fixture) {
		f.create(f.name)
		_, err := f.client.Count(f.ctx, &pb.CountPoints{CollectionName: f.name, Filter: must(&pb.Condition{})})
		requireCode(f, err, codes.InvalidArgument, "")
		_, err = f.client.Count(f.ctx, &pb.CountPoints{CollectionName: f.name, Filter: must(pb.NewHasID(pb.NewIDUUID("nonsense")))})
		requireCode(f, err, codes.InvalidArgument, "UUID")
	})
}
