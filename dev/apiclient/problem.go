package apiclient

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Problem is an application/problem+json answer, as an error.
type Problem struct {
	Method string `json:"-"`
	Path   string `json:"-"`
	Status int    `json:"status"`
	Code   string `json:"code"` // "unknown" if the answer was of another form
	Detail string `json:"detail"`
}

func (p *Problem) Error() string {
	return fmt.Sprintf("%s %s: %s (%d): %s", p.Method, p.Path, p.Code, p.Status, p.Detail)
}

// maxBody bounds what is read of an answer that isn't a stream.
const maxBody = 4 << 20

// exchange sends a request and returns the body of a successful answer, and a
// *Problem for any other.
func exchange(client *http.Client, request *http.Request) ([]byte, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	return read(response)
}

func read(response *http.Response) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil || response.StatusCode < http.StatusBadRequest {
		return content, err
	}
	problem := Problem{Code: "unknown", Detail: http.StatusText(response.StatusCode)}
	_ = json.Unmarshal(content, &problem) // keeps what it can't read
	problem.Method, problem.Path, problem.Status = response.Request.Method, response.Request.URL.Path, response.StatusCode
	return nil, &problem
}
