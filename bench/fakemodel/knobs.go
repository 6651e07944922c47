package fakemodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Reply modes.
const (
	ModeContext = "context" // quote the prompt's passages
	ModeFixed   = "fixed"   // Knobs.Text
)

// Duration is a time.Duration that reads from JSON as "150ms", or as a number
// of milliseconds.
type Duration time.Duration

// MarshalJSON writes the form of time.Duration.String.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads a string or a number of milliseconds.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var ms float64
	if json.Unmarshal(data, &ms) == nil {
		*d = Duration(ms * float64(time.Millisecond))
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a duration is a string or a number of milliseconds: %w", err)
	}
	parsed, err := time.ParseDuration(text)
	*d = Duration(parsed)
	return err
}

// Knobs are what can be turned while the server runs.
type Knobs struct {
	TTFT           Duration `json:"ttft"`           // from the request's arrival to the first token
	Gap            Duration `json:"gap"`            // between two tokens
	EmbedLatency   Duration `json:"embedLatency"`   // of an embeddings request
	Tokens         int      `json:"tokens"`         // length of a reply; 0: as long as its text
	Mode           string   `json:"mode"`           // ModeContext (default) or ModeFixed
	Text           string   `json:"text"`           // of ModeFixed
	MinCacheTokens int      `json:"minCacheTokens"` // shortest cached prefix; default 1024, as the providers have it
	APIKey         string   `json:"apiKey"`         // if set, any other key gets 401
	Faults         []Fault  `json:"faults"`         // tried in order; the first that strikes wins
}

func (k Knobs) withDefaults() Knobs {
	if k.Mode == "" {
		k.Mode = ModeContext
	}
	if k.MinCacheTokens == 0 {
		k.MinCacheTokens = 1024
	}
	return k
}

func (k Knobs) validate() error {
	if k.Mode != ModeContext && k.Mode != ModeFixed {
		return fmt.Errorf("mode %q is neither %q nor %q", k.Mode, ModeContext, ModeFixed)
	}
	if k.TTFT < 0 || k.Gap < 0 || k.EmbedLatency < 0 || k.Tokens < 0 || k.MinCacheTokens < 0 {
		return errors.New("durations and counts must not be negative")
	}
	for _, f := range k.Faults {
		if err := f.validate(); err != nil {
			return err
		}
	}
	return nil
}

// Kinds of Fault.
const (
	FaultRateLimit   = "rate_limit"   // 429 with Retry-After
	FaultServerError = "server_error" // 500
	FaultStatus      = "status"       // Fault.Status with a fitting body
	FaultContext     = "context"      // 400, prompt too long
	FaultStreamError = "stream_error" // 200, then an error inside the stream
	FaultCut         = "cut"          // 200, then the stream ends without its end marker
	FaultHang        = "hang"         // silence: before the headers, or after AfterTokens tokens
	FaultPause       = "pause"        // the same silence, until knobs are set again; then it goes on
)

// Endpoints of a Fault.
const (
	EndpointChat       = "chat"       // OpenAI chat completions
	EndpointMessages   = "messages"   // Anthropic messages
	EndpointEmbeddings = "embeddings" // OpenAI embeddings
)

// Fault is something going wrong. It strikes the next Count requests, or each
// with a Probability, or all during For from when it is set; Count and For
// together mean whichever ends first. With none of them it strikes until it
// is taken back.
type Fault struct {
	Kind        string   `json:"kind"`
	Endpoint    string   `json:"endpoint"` // "" means every one
	Count       int      `json:"count"`
	Probability float64  `json:"probability"` // 0 means 1
	For         Duration `json:"for"`
	RetryAfter  Duration `json:"retryAfter"`  // sent with 429 and, if set, any other status
	Status      int      `json:"status"`      // of FaultStatus
	AfterTokens int      `json:"afterTokens"` // of FaultStreamError, FaultCut, FaultHang, FaultPause
	Abrupt      bool     `json:"abrupt"`      // of FaultCut: the connection breaks, too
}

func (f Fault) validate() error {
	switch f.Kind {
	case FaultRateLimit, FaultServerError, FaultContext, FaultStreamError, FaultCut, FaultHang, FaultPause:
	case FaultStatus:
		if f.Status < 300 || f.Status > 599 {
			return fmt.Errorf("fault status %d is not between 300 and 599", f.Status)
		}
	default:
		return fmt.Errorf("unknown kind of fault %q", f.Kind)
	}
	switch f.Endpoint {
	case "", EndpointChat, EndpointMessages, EndpointEmbeddings:
	default:
		return fmt.Errorf("unknown endpoint %q", f.Endpoint)
	}
	if f.Probability < 0 || f.Probability > 1 || f.Count < 0 || f.For < 0 || f.AfterTokens < 0 || f.RetryAfter < 0 {
		return errors.New("a fault's probability must be between 0 and 1 and nothing in it negative")
	}
	return nil
}

// armed is a fault in force.
type armed struct {
	Fault
	left int       // of Count
	ends time.Time // zero: never
}

func arm(faults []Fault, now time.Time) []*armed {
	list := make([]*armed, len(faults))
	for i, f := range faults {
		list[i] = &armed{Fault: f, left: f.Count}
		if f.For > 0 {
			list[i].ends = now.Add(time.Duration(f.For))
		}
	}
	return list
}

// strike returns the first fault that hits this request. chance is in [0, 1).
func strike(list []*armed, endpoint string, now time.Time, chance float64) *Fault {
	for _, f := range list {
		switch {
		case f.Endpoint != "" && f.Endpoint != endpoint,
			f.Count > 0 && f.left == 0,
			!f.ends.IsZero() && !now.Before(f.ends),
			f.Probability > 0 && chance >= f.Probability:
			continue
		}
		f.left--
		return &f.Fault
	}
	return nil
}
