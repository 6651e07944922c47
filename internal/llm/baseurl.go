package llm

import (
	"fmt"
	"net/url"
	"strings"
)

// Where the providers live.
const (
	defaultOpenAIBaseURL    = "https://api.openai.com/v1"
	defaultAnthropicBaseURL = "https://api.anthropic.com/v1"
)

// openAIBaseURL completes OPENAI_BASE_URL. langchaingo appends
// "/chat/completions" to it, so that the version belongs to the URL, as in
// OpenAI's own clients: http://host:8080/v1. A URL without any path gets /v1;
// any other path is taken as it stands (/v1beta/openai, say).
func openAIBaseURL(raw string) (string, error) {
	u, err := parseBaseURL("OPENAI_BASE_URL", raw, defaultOpenAIBaseURL)
	if err != nil {
		return "", err
	}
	if u.Path == "" {
		u.Path = "/v1"
	}
	return u.String(), nil
}

// anthropicBaseURL completes ANTHROPIC_BASE_URL. langchaingo appends
// "/messages" to it while Anthropic's own clients append "/v1/messages", so
// both http://host:8080 and http://host:8080/v1 are accepted.
func anthropicBaseURL(raw string) (string, error) {
	u, err := parseBaseURL("ANTHROPIC_BASE_URL", raw, defaultAnthropicBaseURL)
	if err != nil {
		return "", err
	}
	if !strings.HasSuffix(u.Path, "/v1") {
		u.Path += "/v1"
	}
	return u.String(), nil
}

func parseBaseURL(name, raw, fallback string) (*url.URL, error) {
	raw = strings.TrimSpace(raw)
	if raw == "" {
		raw = fallback
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s is not a URL", name) // the parser's text would repeat what may hold a secret
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s must look like https://host/v1", name)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%s must not hold a user, a query or a fragment", name)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}
