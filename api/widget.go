package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"golang.org/x/text/language"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Limits of a widget's texts, code points, and lists, entries.
const (
	maxWidgetTitle     = 60
	maxGreeting        = 500
	maxPlaceholder     = 80
	maxLauncherText    = 30
	maxAvatarURL       = 500 // bytes
	maxSuggestion      = 120
	maxSuggestions     = 6
	maxAllowedDomains  = 50
	widgetCacheControl = "private, max-age=60"
)

var hexColor = regexp.MustCompile(`^#[0-9a-f]{6}$`)

func (s *Server) getWidget(c *gin.Context) {
	client, _, err := s.memberOf(c, c.Param("clientId"))
	if err != nil {
		s.fail(c, err)
		return
	}
	widget, err := s.Clients.Widget(c.Request.Context(), client)
	if err != nil {
		s.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, wholeWidget(widget))
}

// putWidget replaces the configuration; members left out take their defaults.
func (s *Server) putWidget(c *gin.Context) {
	client, _, err := s.writerOf(c, c.Param("clientId"))
	if err != nil {
		s.fail(c, err)
		return
	}
	widget := chatconnect.DefaultWidgetConfig()
	if err := decodeJSON(c, maxBody, &widget); err != nil {
		s.fail(c, err)
		return
	}
	if widget, err = validWidget(widget); err != nil {
		s.fail(c, err)
		return
	}
	if widget, err = s.Clients.SaveWidget(c.Request.Context(), client, widget); err != nil {
		s.fail(c, err)
		return
	}
	s.keys.forget(client)
	s.audit(c, client, "widget.update", string(client), map[string]any{"allowedDomains": widget.AllowedDomains})
	c.JSON(http.StatusOK, wholeWidget(widget))
}

// validWidget returns the configuration normalised, or the first thing that
// is wrong with it.
func validWidget(w chatconnect.WidgetConfig) (chatconnect.WidgetConfig, error) {
	invalid := func(field, format string, args ...any) (chatconnect.WidgetConfig, error) {
		return w, chatconnect.Errorf(chatconnect.KindInvalid, "widget_invalid", field+" "+format, args...)
	}
	for _, text := range []struct {
		field string
		value *string
		min   int
		max   int
	}{
		{"title", &w.Title, 1, maxWidgetTitle},
		{"greeting", &w.Greeting, 0, maxGreeting},
		{"placeholder", &w.Placeholder, 0, maxPlaceholder},
		{"launcherText", &w.LauncherText, 0, maxLauncherText},
	} {
		*text.value = cleanText(*text.value)
		if n := utf8.RuneCountInString(*text.value); n < text.min || n > text.max {
			return invalid(text.field, "has %d to %d characters.", text.min, text.max)
		}
	}
	questions := make([]string, 0, len(w.SuggestedQuestions))
	for _, question := range w.SuggestedQuestions {
		question = cleanText(question)
		if n := utf8.RuneCountInString(question); n < 1 || n > maxSuggestion {
			return invalid("suggestedQuestions", "have 1 to %d characters each.", maxSuggestion)
		}
		questions = append(questions, question)
	}
	if w.SuggestedQuestions = questions; len(questions) > maxSuggestions {
		return invalid("suggestedQuestions", "are at most %d.", maxSuggestions)
	}
	if w.PrimaryColor = strings.ToLower(w.PrimaryColor); !hexColor.MatchString(w.PrimaryColor) {
		return invalid("primaryColor", "is a hexadecimal colour such as #2457d6.")
	}
	if !slices.Contains([]string{"bottom-right", "bottom-left"}, w.Position) {
		return invalid("position", "is bottom-right or bottom-left.")
	}
	if !slices.Contains([]string{"light", "dark", "auto"}, w.ColorScheme) {
		return invalid("colorScheme", "is light, dark or auto.")
	}
	if !slices.Contains([]string{"chat", "help", "none"}, w.LauncherIcon) {
		return invalid("launcherIcon", "is chat, help or none.")
	}
	if w.LauncherIcon == "none" && w.LauncherText == "" {
		return invalid("launcherIcon", "is none only beside a launcherText.")
	}
	if !validAvatar(w.AvatarURL) {
		return invalid("avatarUrl", "is empty or an https address of at most %d characters.", maxAvatarURL)
	}
	if w.Locale != "auto" {
		tag, err := language.Parse(w.Locale)
		if err != nil || len(w.Locale) > 35 {
			return invalid("locale", "is auto or a language tag such as de or pt-BR.")
		}
		w.Locale = tag.String()
	}
	if len(w.AllowedDomains) > maxAllowedDomains {
		return invalid("allowedDomains", "are at most %d.", maxAllowedDomains)
	}
	domains := make([]string, 0, len(w.AllowedDomains))
	for _, entry := range w.AllowedDomains {
		domain, err := normalizeDomain(entry)
		if err != nil {
			return w, err
		}
		if !slices.Contains(domains, domain) {
			domains = append(domains, domain)
		}
	}
	w.AllowedDomains = domains
	return w, nil
}

// validAvatar reports whether pages may load the picture: over https, so that
// it works on every page, and without a password in its address.
func validAvatar(address string) bool {
	if address == "" {
		return true
	}
	u, err := url.Parse(address)
	return err == nil && len(address) <= maxAvatarURL && u.Scheme == "https" && u.Hostname() != "" && u.User == nil &&
		strings.HasPrefix(address, "https://")
}

func wholeWidget(w chatconnect.WidgetConfig) chatconnect.WidgetConfig {
	w.SuggestedQuestions, w.AllowedDomains = notNil(w.SuggestedQuestions), notNil(w.AllowedDomains)
	return w
}

// publicWidget is what a page may know: everything but where else the widget
// runs.
type publicWidget struct {
	ClientID           chatconnect.ClientID `json:"clientId"`
	Title              string               `json:"title"`
	Greeting           string               `json:"greeting"`
	Placeholder        string               `json:"placeholder"`
	SuggestedQuestions []string             `json:"suggestedQuestions"`
	PrimaryColor       string               `json:"primaryColor"`
	Position           string               `json:"position"`
	ColorScheme        string               `json:"colorScheme"`
	Locale             string               `json:"locale"`
	LauncherText       string               `json:"launcherText"`
	LauncherIcon       string               `json:"launcherIcon"`
	AvatarURL          string               `json:"avatarUrl"`
}

func (s *Server) getWidgetConfig(c *gin.Context) {
	owner := keyOwner(c)
	if err := s.throttle(c, s.addressLimits(c, string(owner.ClientID)+":widget:", widgetPerIP)...); err != nil {
		s.fail(c, err)
		return
	}
	w, err := s.Clients.Widget(c.Request.Context(), owner.ClientID)
	if err != nil {
		s.fail(c, err)
		return
	}
	body, err := json.Marshal(publicWidget{
		ClientID: owner.ClientID, Title: w.Title, Greeting: w.Greeting, Placeholder: w.Placeholder,
		SuggestedQuestions: notNil(w.SuggestedQuestions), PrimaryColor: w.PrimaryColor,
		Position: w.Position, ColorScheme: w.ColorScheme, Locale: w.Locale,
		LauncherText: w.LauncherText, LauncherIcon: w.LauncherIcon, AvatarURL: w.AvatarURL,
	})
	if err != nil {
		s.fail(c, err)
		return
	}
	tag := entityTag(body)
	c.Header("ETag", tag)
	c.Header("Cache-Control", widgetCacheControl)
	c.Writer.Header().Add("Vary", headerAPIKey)
	if matchesTag(c.GetHeader("If-None-Match"), tag) {
		c.Status(http.StatusNotModified)
		return
	}
	c.Data(http.StatusOK, "application/json; charset=utf-8", body)
}

// getWidgetHealth tells a page's author that key and origin are accepted.
func (s *Server) getWidgetHealth(c *gin.Context) {
	c.JSON(http.StatusOK, gin.H{"status": "ok", "clientId": keyOwner(c).ClientID})
}

// entityTag names a body by its content.
func entityTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// matchesTag reports whether If-None-Match names the tag (RFC 9110 §13.1.2,
// weak comparison).
func matchesTag(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}
