package api

import (
	"context"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// placeLimit bounds how many requests with the same key are under way.
type placeLimit struct {
	key  string
	most int
}

// places are what one request holds of its limits, on all processes together.
type places []chatconnect.Place

// takePlaces takes one place of each limit, or none and returns full.
func (s *Server) takePlaces(c *gin.Context, full error, limits ...placeLimit) (places, error) {
	var taken places
	for _, limit := range limits {
		place, free, err := s.Places.Take(c.Request.Context(), limit.key, limit.most)
		switch {
		case err != nil:
			err = limiterDown(err)
		case !free:
			err = full
		}
		if err != nil {
			taken.giveBack()
			return nil, err
		}
		taken = append(taken, place)
	}
	return taken, nil
}

func (p places) renew(ctx context.Context) {
	for _, place := range p {
		place.Renew(ctx)
	}
}

func (p places) giveBack() {
	for _, place := range p {
		place.GiveBack()
	}
}
