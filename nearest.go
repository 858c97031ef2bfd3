package fairlead

import (
	"slices"
	"strings"
)

// Nearest returns the known name that was probably meant by a mistyped one, whatever its case: the one with the fewest changes,
// up to three, fewer for short names. It returns "" when none is near, and for names of more than 100 bytes.
func Nearest(name string, known []string) string {
	if len(name) > 100 {
		return ""
	}
	best, limit := "", max(1, min(3, (len(name)+1)/3))+1
	for _, k := range known {
		if d := Distance(strings.ToLower(name), strings.ToLower(k), limit); d < limit {
			best, limit = k, d
		}
	}
	return best
}

// Distance is the number of letters to insert, delete, change or swap with their neighbour to turn a into b; limit or more
// is not told apart.
func Distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			d := last[j]
			if a[i] != b[j] {
				d++
			}
			d = min(d, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			row[j+1] = d
		}
		if slices.Min(row) >= limit {
			return limit
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
