package e2e

import (
	"context"
	"strings"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities"
)

// chatStep is where a worker can die while it answers.
type chatStep struct {
	name     string
	words    bool // some have been published
	restarts int  // how often readers are told to forget the text
	requests int  // how often the model is asked
}

func (s chatStep) String() string { return strings.ReplaceAll(s.name, " ", "-") }

// doomedChatSteps are in the order an answer comes by; see doomedSteps.
//
//   - asking: the model has the question, and has not answered
//   - half: some words are published, more are to come
//   - written: the model has written all, and nobody else knows the end
//   - kept: the text is kept for the next attempt, and its end not published
//   - told: the end is published
var doomedChatSteps = []chatStep{
	{"answer next-retrieve", false, 0, 1},
	{"retrieve received", false, 0, 1},
	{"retrieve returned", false, 0, 1},
	{"answer next-generate", false, 0, 1},
	{"generate received", false, 1, 1},
	{"generate asking", false, 1, 2},
	{"generate half", true, 1, 2},
	{"generate written", true, 1, 2},
	{"generate kept", true, 1, 1},
	{"generate told", true, 0, 1},
	{"generate logged", true, 0, 1},
	{"generate returned", true, 0, 1},
	{"answer next-end", true, 0, 1},
}

// chat puts the death after each write into the worker's dependencies.
func (d *doom) chat(c *activities.Chat) {
	c.Chats = doomedChats{c.Chats, d}
	c.Model = doomedModel{c.Model, d}
	c.Relay = doomedRelay{c.Relay, d}
	c.Cache = doomedCache{c.Cache, d}
}

type doomedChats struct {
	chatconnect.ChatStore
	doom *doom
}

func (d doomedChats) LogChat(ctx context.Context, log chatconnect.ChatLog) error {
	err := d.ChatStore.LogChat(ctx, log)
	if err == nil {
		d.doom.at(ctx, "logged")
	}
	return err
}

type doomedModel struct {
	chatconnect.Model
	doom *doom
}

func (d doomedModel) Generate(ctx context.Context, prompt chatconnect.Prompt, onToken func(context.Context, string) error) (chatconnect.Completion, error) {
	completion, err := d.Model.Generate(ctx, prompt, onToken)
	if err == nil {
		d.doom.at(ctx, "written")
	}
	return completion, err
}

type doomedRelay struct {
	chatconnect.Relay
	doom *doom
}

func (d doomedRelay) Publish(ctx context.Context, message chatconnect.MessageRef, events ...chatconnect.RelayEvent) error {
	err := d.Relay.Publish(ctx, message, events...)
	if err != nil {
		return err
	}
	switch last := events[len(events)-1]; {
	case last.Terminal():
		d.doom.at(ctx, "told")
	case last.Type == chatconnect.EventToken:
		d.doom.at(ctx, "half")
	}
	return nil
}

type doomedCache struct {
	chatconnect.Cache
	doom *doom
}

func (d doomedCache) Set(ctx context.Context, key string, value []byte, lifetime time.Duration) error {
	err := d.Cache.Set(ctx, key, value, lifetime)
	if err == nil && strings.Contains(key, ":answer:") {
		d.doom.at(ctx, "kept")
	}
	return err
}
