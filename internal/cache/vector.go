package cache

import (
	"encoding/binary"
	"math"
)

// encode writes a vector as little-endian IEEE 754 single precision, 4 bytes
// for each dimension.
func encode(vector []float32) []byte {
	value := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		value = binary.LittleEndian.AppendUint32(value, math.Float32bits(x))
	}
	return value
}

// decode reads what encode wrote, or returns nil if it isn't a vector of that
// many finite numbers.
func decode(value []byte, dimensions int) []float32 {
	if dimensions <= 0 || len(value) != 4*dimensions {
		return nil
	}
	vector := make([]float32, dimensions)
	for i := range vector {
		vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(value[4*i:]))
		if x := float64(vector[i]); math.IsNaN(x) || math.IsInf(x, 0) {
			return nil
		}
	}
	return vector
}
