package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	chatconnect "github.com/chatconnect/chatconnect"
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
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	owner := &http.Client{Jar: jar}
	if err := send(ctx, owner, http.MethodPost, url+"/api/auth/register", map[string]string{
		"email": uuid.NewString() + "@example.com", "password": uuid.NewString(), "name": "Bench",
	}, nil); err != nil {
		return nil, err
	}
	var shop chatconnect.Client
	if err := send(ctx, owner, http.MethodPost, url+"/api/dashboard/clients", map[string]string{"name": "Bench"}, &shop); err != nil {
		return nil, err
	}
	if err := send(ctx, owner, http.MethodPatch, url+"/api/dashboard/clients/"+string(shop.ID), map[string]string{"tier": "paid"}, &shop); err != nil {
		return nil, err
	}
	l.key = shop.PublishableKey
	return l, l.learn(ctx, owner, shop.ID)
}

// learn uploads a document and waits until it is ready.
func (l *load) learn(ctx context.Context, owner *http.Client, id chatconnect.ClientID) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("clientId", string(id)) // a buffer never fails
	part, _ := form.CreateFormFile("file", "tea.txt")
	for i := range 200 {
		fmt.Fprintf(part, "Tea number %d is served at %d o'clock in room %d.\n\n", i, i%24, i*7)
	}
	_ = form.Close()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+"/api/dashboard/documents/upload", &body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	var accepted struct{ Documents []chatconnect.Document }
	if err := do(owner, request, &accepted); err != nil {
		return err
	}
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url+"/api/dashboard/documents/"+string(accepted.Documents[0].ID), nil)
		if err != nil {
			return err
		}
		var document chatconnect.Document
		if err := do(owner, request, &document); err != nil {
			return err
		}
		if document.Status == chatconnect.StatusReady {
			return nil
		}
		if document.Status.Final() {
			return fmt.Errorf("the document is %s: %+v", document.Status, document.Error)
		}
		time.Sleep(50 * time.Millisecond)
	}
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

func send(ctx context.Context, client *http.Client, method, url string, body, into any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	return do(client, request, into)
}

func do(client *http.Client, request *http.Request, into any) error {
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", request.Method, request.URL.Path, response.Status, content)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(content, into)
}

// ms is the p-quantile in milliseconds.
func ms(durations []time.Duration, p float64) string {
	sorted := slices.Sorted(slices.Values(durations))
	return fmt.Sprintf("%.1f ms", float64(sorted[int(p*float64(len(sorted)-1))])/float64(time.Millisecond))
}
