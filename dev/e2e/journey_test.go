package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

// inventory is a CSV of 5,000 rows, each with a fact of its own.
func inventory() file {
	var b strings.Builder
	b.WriteString("sku,product,colour,stock,price_eur\n")
	colours := []string{"amber", "teal", "crimson", "ivory", "slate", "olive", "coral"}
	for row := 1; row <= 5000; row++ {
		fmt.Fprintf(&b, "SKU-%05d,Lantern model %d,%s,%d,%d.%02d\n", row, row, colours[row%len(colours)], (row*37)%911, 5+row%90, row%100)
	}
	return file{"inventory.csv", []byte(b.String())}
}

// questions have one right source each.
var questions = []struct {
	question string
	source   string
	page     int
	row      int
	answer   string // part of it
}{
	{"How much does a bicycle that comes back late cost for each day?", "handbook.pdf", 2, 0, "3.50 euros"},
	{"How much does membership cost a year?", "handbook.pdf", 1, 0, "42 euros"},
	{"What does it cost to rebuild a wheel?", "prices.docx", 0, 0, "89.50"},
	{"How much are brake pads?", "prices.docx", 0, 0, "18.40"},
	{"What is the stock of SKU-03210?", "inventory.csv", 0, 3210, "SKU-03210"},
	{"How many euros are for the new trailer?", "utf16.txt", 0, 0, "9 300 euros"},
}

func TestFourFormatsAreAnsweredFromTheRightSource(t *testing.T) {
	t.Parallel()
	// Slower than the relay gathers words, so that even a short answer is several events.
	models, settings := startModels(t, fakemodel.Knobs{Gap: fakemodel.Duration(25 * time.Millisecond)})
	offline, online := startProduct(t), startProduct(t, settings...)
	for _, setup := range []struct {
		name     string
		product  *product
		tier     chatconnect.Tier
		endpoint string
	}{
		{"extractive", offline, chatconnect.TierFree, ""},
		{"openai", online, chatconnect.TierFree, fakemodel.EndpointChat},
		{"anthropic", online, chatconnect.TierPaid, fakemodel.EndpointMessages},
	} {
		t.Run(setup.name, func(t *testing.T) {
			t.Parallel()
			shop := newTenant(t, setup.product.URL(), setup.tier)
			documents := shop.learn(fixture(t, "handbook.pdf"), fixture(t, "prices.docx"), inventory(), fixture(t, "utf16.txt"))
			require.GreaterOrEqual(t, documents[2].ChunksTotal, 5000, "a row is a chunk, so that its citation is exact")

			events := 0
			for _, q := range questions {
				s := shop.stream(shop.chatBody(q.question)).finish()
				require.Empty(t, s.failure, q.question)
				require.Contains(t, s.text, q.answer, q.question)
				events += s.tokens
				require.Zero(t, s.starts)
				require.NotEmpty(t, s.sources, "%s: %s", q.question, s.text)
				best := s.sources[0]
				require.Equal(t, q.source, best.Name, "%s: %s %s", q.question, s.text, show(s.sources))
				require.Contains(t, s.text, fmt.Sprintf("[%d]", best.Index), "the source is cited")
				require.Equal(t, q.page, best.Page, q.question)
				require.Equal(t, q.row, best.Row, q.question)
				require.NotEmpty(t, best.Snippet)
				require.Positive(t, s.done.Usage.InputTokens)
				require.Positive(t, s.done.Usage.OutputTokens)
			}
			// Not each of them: what is written while the machine is busy comes at once.
			require.Greater(t, events, len(questions), "answers are streamed")
			if setup.endpoint != "" {
				used := false
				for _, request := range models.Requests() {
					used = used || request.Endpoint == setup.endpoint
				}
				require.True(t, used, "the tier's provider was asked")
			}

			whole, _ := shop.askUntilCached(questions[0].question)
			require.Contains(t, whole.Text, questions[0].answer)
			require.Equal(t, questions[0].source, whole.Sources[0].Name)
		})
	}
}

func TestARepeatedMessageIsOneAnswer(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{})
	shop := newTenant(t, startProduct(t, settings...).URL(), chatconnect.TierFree)
	shop.learn(fixture(t, "handbook.pdf"))
	body := shop.chatBody(questions[0].question)
	body["messageId"] = "m-1"
	first := shop.stream(body).finish()
	again := shop.stream(body).finish()
	require.Equal(t, first.text, again.text)
	require.Equal(t, first.done, again.done)

	asked := 0
	for _, request := range models.Requests() {
		if request.Endpoint == fakemodel.EndpointChat {
			asked++
		}
	}
	require.Equal(t, 1, asked, "the model was asked once")
}

func TestAFollowerTakesUpWhereTheStreamBroke(t *testing.T) {
	t.Parallel()
	_, settings := startModels(t, fakemodel.Knobs{Gap: fakemodel.Duration(20 * time.Millisecond)})
	shop := newTenant(t, startProduct(t, settings...).URL(), chatconnect.TierFree)
	shop.learn(fixture(t, "handbook.pdf"))
	body := shop.chatBody(questions[0].question)
	body["messageId"] = "m-1"
	broken := shop.stream(body)
	require.Equal(t, chatconnect.EventToken, broken.next())
	broken.close()

	url := fmt.Sprintf("%s/chat/stream?messageId=m-1&sessionId=%s", shop.base, body["sessionId"])
	rest := openStream(t, "GET", url, shop.PublishableKey, nil, broken.lastID).finish()
	whole := openStream(t, "GET", url, shop.PublishableKey, nil, 0).finish()
	require.Equal(t, whole.text, broken.text+rest.text)
	require.Contains(t, whole.text, questions[0].answer)
}

func TestNothingFittingIsSaidHonestly(t *testing.T) {
	t.Parallel()
	shop := newTenant(t, startProduct(t).URL(), chatconnect.TierFree)
	empty := shop.ask("What is the capital of Peru?")
	require.Empty(t, empty.Sources)
	require.NotEmpty(t, empty.Text)
	shop.learn(fixture(t, "handbook.pdf"))
	require.Empty(t, shop.ask("What is the capital of Peru?").Sources)
}
