package qdrant

import "math"

// parseDense checks a vector for a space and brings it to the form that is
// stored: for cosine, of unit length, so that a search is a dot product.
func (s denseSpace) parse(data []float32) ([]float32, error) {
	if len(data) != s.size {
		return nil, errDimension(s.size, len(data))
	}
	if err := checkFinite(data); err != nil {
		return nil, err
	}
	if !s.cosine {
		return data, nil
	}
	return normalized(data), nil
}

// checkFinite refuses NaN and infinity, which have no place in an order.
func checkFinite(values []float32) error {
	for _, x := range values {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return errUnsupported("vectors with NaN or infinite values")
		}
	}
	return nil
}

// normalized returns v / |v|. A vector that has unit length already, or none,
// stays as it is, bit for bit: a log that is read again and again must not
// drift.
func normalized(v []float32) []float32 {
	square := float64(0)
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	if square == 0 || math.Abs(square-1) < 1e-6 {
		return v
	}
	length := math.Sqrt(square)
	unit := make([]float32, len(v))
	for i, x := range v {
		unit[i] = float32(float64(x) / length)
	}
	return unit
}

// dot is the product of two vectors of one length. Eight sums that do not wait
// for each other keep the processor's multipliers busy.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for len(a) >= 8 && len(b) >= 8 {
		x, y := (*[8]float32)(a), (*[8]float32)(b)
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
		s4 += x[4] * y[4]
		s5 += x[5] * y[5]
		s6 += x[6] * y[6]
		s7 += x[7] * y[7]
		a, b = a[8:], b[8:]
	}
	for i := range min(len(a), len(b)) {
		s0 += a[i] * b[i]
	}
	return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
}
