package e2e

import (
	"context"
	"strings"
	"sync"
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

// killed is how many attempts at writing the answer die.
func (s chatStep) killed() int {
	if strings.HasPrefix(s.name, "generate ") {
		return 1
	}
	return 0
}

// doomedChatSteps are in the order an answer comes by; see doomedSteps.
//
//   - asking: the model has the question, and has not answered
//   - half: some words are published, more are to come
//   - written: the model has written all, of which some words are published, and
//     nobody else knows the end
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
	spoken := make(chan struct{})
	c.Chats = doomedChats{c.Chats, d}
	c.Model = doomedModel{c.Model, d, spoken}
	c.Relay = doomedRelay{c.Relay, d, sync.OnceFunc(func() { close(spoken) })}
	c.Cache = doomedCache{c.Cache, d}
	c.Stops = doomedStops{c.Stops, d}
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
	doom   *doom
	spoken <-chan struct{} // closed when some words are published
}

func (d doomedModel) Generate(ctx context.Context, prompt chatconnect.Prompt, onToken func(context.Context, string) error) (chatconnect.Completion, error) {
	completion, err := d.Model.Generate(ctx, prompt, onToken)
	if err == nil {
		select { // they are published meanwhile, or a moment later
		case <-d.spoken:
		case <-ctx.Done():
		}
		d.doom.at(ctx, "written")
	}
	return completion, err
}

type doomedRelay struct {
	chatconnect.Relay
	doom  *doom
	spoke func()
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
		d.spoke()
		d.doom.at(ctx, "half")
	}
	return nil
}

// doomedStops lose the signal of a stop that a worker is to die of: it would end
// the answer, and if that is done before the workflow looks, nobody is told of
// the stop any more.
type doomedStops struct {
	chatconnect.StopSignals
	doom *doom
}

func (d doomedStops) OnStop(message chatconnect.MessageRef, stop func()) (forget func()) {
	if d.doom.step == "interrupt received" {
		return func() {}
	}
	return d.StopSignals.OnStop(message, stop)
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
