package vector

import (
	"hash/fnv"
	"slices"
)

// BM25 after Robertson and Zaragoza, "The Probabilistic Relevance Framework:
// BM25 and Beyond" (2009), section 3.4, with its usual constants. The score of
// a document for a query is
//
//	Σ over query terms t of  idf(t) * tf*(k1+1) / (tf + k1*(1-b+b*len/avglen))
//
// The fraction is the document's weight, computed here once; a query's weights
// are 1; the server multiplies them by idf(t) = ln((N-df+.5)/(df+.5)+1) over
// the whole collection and takes the dot product.
const (
	k1 = 1.2
	b  = 0.75
	// averageLength stands for the mean number of terms in a chunk. It must be
	// fixed: if it followed the collection, every stored weight would change
	// with every document. A chunk of 500 tokens has some 380 words, of which
	// about 256 are left without stop words; shorter chunks (rows of a table)
	// merely weigh their terms up to 2.2/1.3 times higher.
	averageLength = 256
)

// sparse is a sparse vector: distinct indices, ascending, with their values.
type sparse struct {
	indices []uint32
	values  []float32
}

// encodeDocument weighs a text's terms for storing.
func encodeDocument(text string) sparse {
	ids, length := termIDs(text)
	norm := k1 * (1 - b + b*float64(length)/averageLength)
	return encode(ids, func(tf int) float32 {
		return float32(float64(tf) * (k1 + 1) / (float64(tf) + norm))
	})
}

// encodeQuery gives each distinct term of a question the weight 1.
func encodeQuery(text string) sparse {
	ids, _ := termIDs(text)
	return encode(ids, func(int) float32 { return 1 })
}

func termIDs(text string) (ids []uint32, length int) {
	for term := range Terms(text) {
		ids = append(ids, termID(term))
	}
	slices.Sort(ids)
	return ids, len(ids)
}

// encode turns sorted ids into a vector, weighing each by its frequency.
func encode(ids []uint32, weight func(frequency int) float32) sparse {
	var v sparse
	for start := 0; start < len(ids); {
		end := start + 1
		for end < len(ids) && ids[end] == ids[start] {
			end++
		}
		v.indices = append(v.indices, ids[start])
		v.values = append(v.values, weight(end-start))
		start = end
	}
	return v
}

// termID hashes a term to its dimension (FNV-1a, 32 bits), so that no
// vocabulary has to be kept and shared. Two terms that collide count as one:
// their frequencies add up. Among V distinct terms V²/2³³ pairs do: about one
// pair in a vocabulary of 100,000 words, which no ranking will notice.
func termID(term string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(term)) // never fails
	return h.Sum32()
}
