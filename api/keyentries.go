package api

import (
	"container/list"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

// keyEntry is what a look-up of a key answered.
type keyEntry struct {
	hash  tokenHash
	owner chatconnect.KeyOwner
	err   error // ErrAPIKeyInvalid, or nil
	at    time.Time
}

// keyEntries are a bounded number of them; whichever wasn't asked for the
// longest goes first.
type keyEntries struct {
	most   int
	byHash map[tokenHash]*list.Element
	recent *list.List // of *keyEntry, most recently used first
}

func newKeyEntries(most int) *keyEntries {
	return &keyEntries{most: most, byHash: map[tokenHash]*list.Element{}, recent: list.New()}
}

// get returns nil if there is none.
func (e *keyEntries) get(hash tokenHash) *keyEntry {
	element, found := e.byHash[hash]
	if !found {
		return nil
	}
	e.recent.MoveToFront(element)
	return element.Value.(*keyEntry)
}

func (e *keyEntries) put(entry *keyEntry) {
	e.remove(entry.hash)
	e.byHash[entry.hash] = e.recent.PushFront(entry)
	if e.recent.Len() > e.most {
		e.remove(e.recent.Back().Value.(*keyEntry).hash)
	}
}

func (e *keyEntries) remove(hash tokenHash) {
	if element, found := e.byHash[hash]; found {
		e.recent.Remove(element)
		delete(e.byHash, hash)
	}
}

func (e *keyEntries) removeOwned(client chatconnect.ClientID) {
	for hash, element := range e.byHash {
		if element.Value.(*keyEntry).owner.ClientID == client {
			e.remove(hash)
		}
	}
}
