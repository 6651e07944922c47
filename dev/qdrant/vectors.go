package qdrant

import (
	pb "github.com/qdrant/go-client/qdrant"
)

// parseVectors reads a point's vectors into the spaces of the collection.
func (c *collection) parseVectors(v *pb.Vectors) (dense [][]float32, sparse []*sparseVector, err error) {
	dense = make([][]float32, len(c.dense))
	sparse = make([]*sparseVector, len(c.sparse))
	switch o := v.GetVectorsOptions().(type) {
	case nil:
		return dense, sparse, nil
	case *pb.Vectors_Vector:
		return dense, sparse, c.parseVector("", o.Vector, dense, sparse)
	case *pb.Vectors_Vectors:
		for name, vector := range o.Vectors.GetVectors() {
			if err := c.parseVector(name, vector, dense, sparse); err != nil {
				return nil, nil, err
			}
		}
	}
	return dense, sparse, nil
}

func (c *collection) parseVector(name string, v *pb.Vector, dense [][]float32, sparse []*sparseVector) (err error) {
	data, indices, isSparse, err := vectorData(v)
	if err != nil {
		return err
	}
	if isSparse {
		i := c.sparseIndex(name)
		if i < 0 {
			return errVectorName(name)
		}
		sparse[i], err = parseSparse(indices, data)
		return err
	}
	i := c.denseIndex(name)
	if i < 0 {
		return errVectorName(name)
	}
	dense[i], err = c.dense[i].parse(data)
	return err
}

// vectorData reads both forms a client may send: the older with data and
// indices side by side, and the one with a variant for each kind.
func vectorData(v *pb.Vector) (data []float32, indices []uint32, isSparse bool, err error) {
	switch o := v.GetVector().(type) {
	case *pb.Vector_Dense:
		return o.Dense.GetData(), nil, false, nil
	case *pb.Vector_Sparse:
		return o.Sparse.GetValues(), o.Sparse.GetIndices(), true, nil
	case *pb.Vector_MultiDense:
		return nil, nil, false, errUnsupported("multi-vectors")
	case *pb.Vector_Document, *pb.Vector_Image, *pb.Vector_Object:
		return nil, nil, false, errUnsupported("inference")
	}
	//nolint:staticcheck // the deprecated fields are what older clients send
	if v.VectorsCount != nil {
		return nil, nil, false, errUnsupported("multi-vectors")
	}
	//nolint:staticcheck // as above
	return v.GetData(), v.GetIndices().GetData(), v.GetIndices() != nil, nil
}

// vectorSelector returns the vectors of a point that a request asks for. It
// copies dense vectors, which may move once the lock is released.
type vectorSelector func(*point) *pb.VectorsOutput

func (c *collection) parseWithVectors(w *pb.WithVectorsSelector) (vectorSelector, error) {
	all := false
	names := map[string]bool{}
	switch o := w.GetSelectorOptions().(type) {
	case *pb.WithVectorsSelector_Enable:
		all = o.Enable
	case *pb.WithVectorsSelector_Include:
		for _, name := range o.Include.GetNames() {
			if c.denseIndex(name) < 0 && c.sparseIndex(name) < 0 {
				return nil, errVectorName(name)
			}
			names[name] = true
		}
	}
	if !all && len(names) == 0 {
		return func(*point) *pb.VectorsOutput { return nil }, nil
	}
	return func(p *point) *pb.VectorsOutput {
		out := map[string]*pb.VectorOutput{}
		for i, space := range c.dense {
			if data := p.dense(i); data != nil && (all || names[space.name]) {
				copied := append([]float32(nil), data...)
				out[space.name] = &pb.VectorOutput{Vector: &pb.VectorOutput_Dense{Dense: &pb.DenseVector{Data: copied}}}
			}
		}
		for i, space := range c.sparse {
			if v := p.sparse[i]; v != nil && (all || names[space.name]) {
				out[space.name] = v.proto()
			}
		}
		if unnamed, ok := out[""]; ok && len(out) == 1 {
			return &pb.VectorsOutput{VectorsOptions: &pb.VectorsOutput_Vector{Vector: unnamed}}
		}
		return &pb.VectorsOutput{VectorsOptions: &pb.VectorsOutput_Vectors{Vectors: &pb.NamedVectorsOutput{Vectors: out}}}
	}, nil
}
