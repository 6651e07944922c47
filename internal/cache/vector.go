package cache

import (
	"encoding/binary"
	"math"
)

// encode writes a vector as little-endian IEEE 754 single precision, 4 bytes
// for each dimension, and behind it the tokens that it took.
func encode(vector []float32, tokens int) []byte {
	value := make([]byte, 0, 4*len(vector)+4)
	for _, x := range vector {
		value = binary.LittleEndian.AppendUint32(value, math.Float32bits(x))
	}
	return binary.LittleEndian.AppendUint32(value, uint32(min(max(tokens, 0), math.MaxInt32)))
}

// decode reads what encode wrote. The vector is nil if it isn't one of that
// many finite numbers.
func decode(value []byte, dimensions int) (vector []float32, tokens int) {
	if dimensions <= 0 || len(value) != 4*dimensions+4 {
		return nil, 0
	}
	vector = make([]float32, dimensions)
	for i := range vector {
		vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(value[4*i:]))
		if x := float64(vector[i]); math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, 0
		}
	}
	return vector, int(binary.LittleEndian.Uint32(value[4*dimensions:]))
}
