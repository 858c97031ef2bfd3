package store

import (
	"bytes"
	"encoding/json"
	"strings"
)

// sealJSON is v as sealed JSON.
func (tx *Tx) sealJSON(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return tx.Seal(b)
}

// unsealJSON reads what sealJSON gave. Numbers below any are left as json.Number; see plainNumbers.
func (tx *Tx) unsealJSON(sealed []byte, v any) error {
	b, err := tx.Unseal(sealed)
	if err != nil {
		return err
	}
	return decodeJSON(b, v)
}

func (tx *Tx) unsealWant(sealed []byte, w *StackWant) error {
	err := tx.unsealJSON(sealed, w)
	plainNumbers(w.Given)
	plainNumbers(w.Inputs)
	return err
}

func decodeJSON(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(v)
}

// plainNumbers turns every json.Number into int64 or float64, the numbers of the template language. Maps and lists are
// changed in place.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = plainNumbers(x)
		}
	case []any:
		for i, x := range v {
			v[i] = plainNumbers(x)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil && !strings.ContainsAny(v.String(), ".eE") {
			return n
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
		return v.String()
	}
	return v
}
