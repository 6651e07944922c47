package e2e

import (
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

// TestADocumentSaysWhyItWaits: what the provider answers is what the document
// says, until the provider answers as it should.
func TestADocumentSaysWhyItWaits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault fakemodel.Fault
		says  string
		pause time.Duration
	}{
		"429":  {fakemodel.Fault{Kind: fakemodel.FaultRateLimit, RetryAfter: fakemodel.Duration(3 * time.Second)}, "The embedding provider is rate limiting", 3 * time.Second},
		"down": {fakemodel.Fault{Kind: fakemodel.FaultServerError}, "The embedding provider is unavailable", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.fault.Endpoint, test.fault.Count = fakemodel.EndpointEmbeddings, 1
			models, settings := startModels(t, fakemodel.Knobs{Faults: []fakemodel.Fault{test.fault}})
			shop := newTenant(t, startProduct(t, settings...).URL(), chatconnect.TierFree)
			watched := make(chan struct{}) // before anything goes wrong: a pause is soon over
			watching := sync.OnceFunc(func() { close(watched) })
			t.Cleanup(watching)
			models.OnRequest(func(fakemodel.Request) { <-watched })
			began := time.Now()
			document := shop.upload(file{"tea.txt", []byte("Tea is served at four. " + uuid.NewString())})[0]

			sentence := regexp.MustCompile(`^` + test.says + `; next try at (\d\d:\d\d:\d\d) UTC\.$`)
			var stages []string
			shop.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
				watching()
				d := seen[document.ID]
				if len(stages) == 0 || stages[len(stages)-1] != d.Stage {
					stages = append(stages, d.Stage)
				}
				return d.Status.Final()
			})
			require.Equal(t, chatconnect.StatusReady, shop.document(document.ID).Status)
			var said, usual int
			var next time.Time
			for i, stage := range stages {
				if match := sentence.FindStringSubmatch(stage); match != nil {
					said = i
					clock, err := time.Parse(time.TimeOnly, match[1])
					require.NoError(t, err)
					day := began.UTC()
					next = time.Date(day.Year(), day.Month(), day.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, time.UTC)
					if next.Before(began) { // past midnight
						next = next.AddDate(0, 0, 1)
					}
				}
				if stage == "Making the text searchable" {
					usual = i
				}
			}
			require.NotZero(t, said, "%q", stages)
			require.Greater(t, usual, said, "the usual sentence comes back: %q", stages)
			var tries []time.Time
			for _, r := range models.Requests() {
				if r.Endpoint == fakemodel.EndpointEmbeddings {
					tries = append(tries, r.Time)
				}
			}
			require.Len(t, tries, 2)
			require.GreaterOrEqual(t, tries[1].Sub(tries[0]), test.pause)
			require.Less(t, next.Sub(tries[1]), time.Second, "it is tried again no earlier than a second before the time it said")
		})
	}
}
