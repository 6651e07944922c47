package postgres

import (
	"context"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

func (s *Store) Widget(ctx context.Context, client chatconnect.ClientID) (chatconnect.WidgetConfig, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return chatconnect.WidgetConfig{}, err
	}
	row, err := queries.Widget(ctx, client)
	if err != nil {
		return chatconnect.WidgetConfig{}, storeError(err)
	}
	return toWidget(row), nil
}

// SaveWidget returns what is stored, with empty lists for nil ones.
func (s *Store) SaveWidget(ctx context.Context, client chatconnect.ClientID, widget chatconnect.WidgetConfig) (chatconnect.WidgetConfig, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return chatconnect.WidgetConfig{}, err
	}
	row, err := queries.SaveWidget(ctx, widgetParams(client, widget))
	if err != nil {
		return chatconnect.WidgetConfig{}, storeError(err)
	}
	return toWidget(row), nil
}

func widgetParams(client chatconnect.ClientID, widget chatconnect.WidgetConfig) sqlcgen.SaveWidgetParams {
	return sqlcgen.SaveWidgetParams{
		ClientID: client, Title: clean(widget.Title), Greeting: clean(widget.Greeting), Placeholder: clean(widget.Placeholder),
		SuggestedQuestions: cleanAll(widget.SuggestedQuestions), PrimaryColor: clean(widget.PrimaryColor),
		Position: clean(widget.Position), ColorScheme: clean(widget.ColorScheme), Locale: clean(widget.Locale),
		LauncherText: clean(widget.LauncherText), LauncherIcon: clean(widget.LauncherIcon), AvatarUrl: clean(widget.AvatarURL),
		AllowedDomains: cleanAll(widget.AllowedDomains),
	}
}

// cleanAll never returns nil, which would be NULL.
func cleanAll(texts []string) []string {
	cleaned := make([]string, len(texts))
	for i, text := range texts {
		cleaned[i] = clean(text)
	}
	return cleaned
}

func toWidget(row sqlcgen.Widget) chatconnect.WidgetConfig {
	return chatconnect.WidgetConfig{
		Title: row.Title, Greeting: row.Greeting, Placeholder: row.Placeholder, SuggestedQuestions: row.SuggestedQuestions,
		PrimaryColor: row.PrimaryColor, Position: row.Position, ColorScheme: row.ColorScheme, Locale: row.Locale,
		LauncherText: row.LauncherText, LauncherIcon: row.LauncherIcon, AvatarURL: row.AvatarUrl,
		AllowedDomains: row.AllowedDomains,
	}
}
