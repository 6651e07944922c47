package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

// load asks questions as visitors do and times when they reach the model.
type load struct {
	url    string
	key    string
	client *http.Client

	mu       sync.Mutex
	arrivals map[string]time.Time // by the tag in the question
}

type result struct {
	chats          int
	toModel, toEnd []time.Duration
	perSecond      float64
}

// newLoad prepares a tenant with one document.
func newLoad(ctx context.Context, url string, models *fakemodel.Server, client *http.Client) (*load, error) {
	l := &load{url: url, client: client, arrivals: map[string]time.Time{}}
	models.OnRequest(func(r fakemodel.Request) {
		if r.Endpoint == fakemodel.EndpointEmbeddings {
			return
		}
		if tag := tagIn(string(r.Body)); tag != "" {
			l.mu.Lock()
			l.arrivals[tag] = r.Time
			l.mu.Unlock()
		}
	})
	tenant, err := newTenant(ctx, url)
	if err != nil {
		return nil, err
	}
	l.key = tenant.client.PublishableKey
	var tea strings.Builder
	for i := range 200 {
		fmt.Fprintf(&tea, "Tea number %d is served at %d o'clock in room %d.\n\n", i, i%24, i*7)
	}
	_, _, err = tenant.timeToReady(ctx, file{"tea.txt", []byte(tea.String())})
	return l, err
}

// run asks chats questions by users at a time. A key of the free tier may ask
// 100 a minute, so the tier is paid and each user has sessions of its own.
func (l *load) run(ctx context.Context, users, chats int) (result, error) {
	r := result{chats: chats}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(users)
	began := time.Now()
	for range chats {
		group.Go(func() error {
			toModel, toEnd, err := l.chat(ctx)
			mu.Lock()
			defer mu.Unlock()
			r.toModel, r.toEnd = append(r.toModel, toModel), append(r.toEnd, toEnd)
			return err
		})
	}
	err := group.Wait()
	r.perSecond = float64(chats) / time.Since(began).Seconds()
	return r, err
}

func (l *load) chat(ctx context.Context) (toModel, toEnd time.Duration, err error) {
	tag := "tag" + strings.ReplaceAll(uuid.NewString(), "-", "")
	body, err := json.Marshal(map[string]string{"message": "When is tea number 7 served? " + tag})
	if err != nil {
		return 0, 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+"/chat/stream", bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("x-api-key", l.key)
	sent := time.Now()
	response, err := l.client.Do(request)
	if err != nil {
		return 0, 0, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	toEnd = time.Since(sent)
	if err == nil && !bytes.Contains(answer, []byte("event: done")) {
		err = fmt.Errorf("%s: %s", response.Status, answer)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	arrived, seen := l.arrivals[tag]
	delete(l.arrivals, tag)
	if err == nil && !seen {
		err = errors.New("the model was not asked")
	}
	return arrived.Sub(sent), toEnd, err
}

// tagIn finds the question's tag in a model request.
func tagIn(body string) string {
	const length = len("tag") + 32
	if i := strings.LastIndex(body, "? tag"); i >= 0 && len(body) >= i+2+length {
		return body[i+2 : i+2+length]
	}
	return ""
}

// send speaks JSON; body and into may be nil.
func send(ctx context.Context, client *http.Client, method, url string, body, into any) error {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, content)
	if err != nil {
		return err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return do(client, request, into)
}

// do sends a request and reads the answer into into. A 503 says that trying
// again helps, and everything a bench asks for may be repeated: so it does.
func do(client *http.Client, request *http.Request, into any) error {
	const attempts, pause = 20, 250 * time.Millisecond
	for attempt := 1; ; attempt++ {
		status, content, err := exchange(client, request)
		switch {
		case err != nil:
			return err
		case status == http.StatusServiceUnavailable && attempt < attempts:
			time.Sleep(pause)
			if request.GetBody != nil {
				if request.Body, err = request.GetBody(); err != nil {
					return err
				}
			}
			continue
		case status >= http.StatusMultipleChoices:
			return fmt.Errorf("%s %s: %d: %s", request.Method, request.URL.Path, status, content)
		case into == nil:
			return nil
		}
		return json.Unmarshal(content, into)
	}
}

func exchange(client *http.Client, request *http.Request) (status int, content []byte, err error) {
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	content, err = io.ReadAll(response.Body)
	return response.StatusCode, content, err
}

// ms is the p-quantile in milliseconds.
func ms(durations []time.Duration, p float64) string {
	sorted := slices.Sorted(slices.Values(durations))
	return fmt.Sprintf("%.1f ms", float64(sorted[int(p*float64(len(sorted)-1))])/float64(time.Millisecond))
}
