package llm

import (
	"context"
	"math"

	chatconnect "github.com/chatconnect/chatconnect"
)

// LocalEmbedModel and LocalEmbedDimensions name the built-in embedder.
const (
	LocalEmbedModel      = chatconnect.BuiltinEmbedder
	LocalEmbedDimensions = 512
)

// Weights of a feature, in thousandths of a word.
const (
	weightWord = 1000
	weightStem = 1000
	weightGram = 350
	weightStop = 60 // a stop word as a whole; it has no other features
)

// damped is 1000*log2(1+n) for n occurrences of a feature, as integers: a
// word that is there ten times does not weigh ten times as much.
var damped = [...]int64{0, 1000, 1585, 2000, 2322, 2585, 2807, 3000, 3170, 3322, 3459, 3585, 3700, 3807, 3907, 4000}

type localEmbedder struct{}

// NewLocalEmbedder returns an embedder that needs no network: it hashes words
// and character n-grams into 512 dimensions (the "hashing trick", Weinberger
// et al. 2009), so that texts sharing words, stems or parts of words are near.
//
// For each word w of words(text): if it is a stop word, the feature "w"+w
// with weight 60; else "w"+w with 1000, "s"+stem(w) with 1000 and "g"+g with
// 350 for each 3- and 4-gram g of "^"+w+"$". A feature that occurs n times
// counts damped[n] ≈ 1000*log2(1+n) times its weight. With h the FNV-1a hash
// (64 bit) of the feature, mixed by the finalizer of SplitMix64, it is added
// to dimension h mod 512, negated if bit 63 of h is set. The vector is then
// scaled to unit length; a text without any word gets the first unit vector.
//
// Sums are of integers, and the rest is correctly rounded, so that the result
// is the same on every machine.
func NewLocalEmbedder() chatconnect.Embedder { return localEmbedder{} }

// Model implements chatconnect.Embedder.
func (localEmbedder) Model() string { return LocalEmbedModel }

// Dimensions implements chatconnect.Embedder.
func (localEmbedder) Dimensions() int { return LocalEmbedDimensions }

// Embed implements chatconnect.Embedder. Tokens is the same estimate as for
// the extractive model. It fails only when ctx ends.
func (localEmbedder) Embed(ctx context.Context, _ chatconnect.ClientID, texts []string) (chatconnect.Embedding, error) {
	result := chatconnect.Embedding{Vectors: make([][]float32, len(texts))}
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return chatconnect.Embedding{}, err
		}
		result.Vectors[i] = hashVector(text)
		result.Tokens += estimateTokens(text)
	}
	result.Paid = result.Tokens
	return result, nil
}

func hashVector(text string) []float32 {
	type feature struct{ weight, count int64 }
	features := map[uint64]*feature{}
	add := func(kind byte, name string, weight int64) {
		h := hashFeature(kind, name)
		if f := features[h]; f != nil {
			f.count++
			return
		}
		features[h] = &feature{weight, 1}
	}
	for _, w := range words(text) {
		if stopWords[w] {
			add('w', w, weightStop)
			continue
		}
		add('w', w, weightWord)
		add('s', stem(w), weightStem)
		padded := []rune("^" + w + "$")
		for n := 3; n <= 4; n++ {
			for i := 0; i+n <= len(padded); i++ {
				add('g', string(padded[i:i+n]), weightGram)
			}
		}
	}
	var sums [LocalEmbedDimensions]int64
	for h, f := range features {
		value := f.weight * damped[min(f.count, int64(len(damped)-1))] / 1000
		if h>>63 == 1 {
			value = -value
		}
		sums[h%LocalEmbedDimensions] += value // integers: the order of the map does not matter
	}
	var squares float64
	for _, s := range sums {
		// The conversion keeps the compiler from fusing the two operations,
		// which would round differently on some machines.
		squares += float64(float64(s) * float64(s))
	}
	vector := make([]float32, LocalEmbedDimensions)
	if squares == 0 {
		vector[0] = 1
		return vector
	}
	length := math.Sqrt(squares)
	for i, s := range sums {
		vector[i] = float32(float64(s) / length)
	}
	return vector
}

func hashFeature(kind byte, name string) uint64 {
	h := uint64(14695981039346656037)
	h = (h ^ uint64(kind)) * 1099511628211
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	h ^= h >> 30
	h *= 0xbf58476d1ce4e5b9
	h ^= h >> 27
	h *= 0x94d049bb133111eb
	return h ^ h>>31
}
