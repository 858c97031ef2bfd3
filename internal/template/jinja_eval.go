package template

import (
	"math"
	"strings"

	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// eval works out an expression of a pattern. What is built from an unknown value is unknown.
func (r *rendering) eval(n nodes.Node) (any, error) {
	if n == nil {
		return nil, mistake(nil, "", "an expression is empty")
	}
	if err := r.step(nil); err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *nodes.None:
		return nil, nil
	case *nodes.String:
		return n.Val, nil
	case *nodes.Integer:
		return int64(n.Val), nil
	case *nodes.Float:
		return n.Val, nil
	case *nodes.Bool:
		return n.Val, nil
	case *nodes.Name:
		v, ok := r.vars[n.Name.Val]
		if !ok {
			return nil, r.unknownName(n.Name, n.Name.Val)
		}
		return v, nil
	case *nodes.List:
		return r.list(n.Val)
	case *nodes.Tuple:
		return r.list(n.Val)
	case *nodes.Dict:
		return r.dict(n)
	case *nodes.GetItem:
		return r.item(n)
	case *nodes.GetAttribute:
		return r.attribute(n)
	case *nodes.Negation:
		v, err := r.eval(n.Term)
		if _, unknown := v.(Unknown); unknown || err != nil {
			return v, err
		}
		return !truthy(v), nil
	case *nodes.UnaryExpression:
		return r.unary(n)
	case *nodes.BinaryExpression:
		return r.binary(n)
	case *nodes.FilteredExpression:
		return r.filtered(n)
	case *nodes.TestExpression:
		return r.test(n)
	case *nodes.Call:
		return r.call(n)
	}
	return nil, mistake(n.Position(), "", "this kind of expression is not possible")
}

func (r *rendering) list(items []nodes.Expression) (any, error) {
	list := make([]any, len(items))
	var err error
	for i, item := range items {
		if list[i], err = r.eval(item); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (r *rendering) dict(n *nodes.Dict) (any, error) {
	m := make(map[string]any, len(n.Pairs))
	for _, p := range n.Pairs {
		k, err := r.eval(p.Key)
		if err != nil {
			return nil, err
		}
		if m[textOf(k)], err = r.eval(p.Value); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (r *rendering) item(n *nodes.GetItem) (any, error) {
	from, err := r.eval(n.Node)
	if err != nil {
		return nil, err
	}
	key, err := r.eval(n.Arg)
	if err != nil {
		return nil, err
	}
	return member(n.Location, from, key)
}

func (r *rendering) attribute(n *nodes.GetAttribute) (any, error) {
	from, err := r.eval(n.Node)
	if err != nil {
		return nil, err
	}
	if n.Attribute == "" {
		return member(n.Location, from, int64(n.Index))
	}
	return member(n.Location, from, n.Attribute)
}

// member takes a value out of a map or list. What is not there is a mistake.
func member(at *tokens.Token, from, key any) (any, error) {
	for _, v := range []any{from, key} {
		if u, ok := v.(Unknown); ok {
			return u, nil
		}
	}
	switch from := from.(type) {
	case map[string]any:
		if v, ok := from[textOf(key)]; ok {
			return v, nil
		}
	case []any:
		if i, ok := key.(int64); ok {
			if i < 0 {
				i += int64(len(from))
			}
			if i >= 0 && i < int64(len(from)) {
				return from[i], nil
			}
		}
	}
	return nil, mistake(at, "", "%s has no %s", kindName(from), quote(textOf(key)))
}

func (r *rendering) unary(n *nodes.UnaryExpression) (any, error) {
	v, err := r.eval(n.Term)
	if err != nil || !n.Negative {
		return v, err
	}
	switch v := v.(type) {
	case int64:
		return -v, nil
	case float64:
		return -v, nil
	case Unknown:
		return v, nil
	}
	return nil, mistake(n.Operator, "", "%s cannot be negative", kindName(v))
}

func (r *rendering) binary(n *nodes.BinaryExpression) (any, error) {
	at := n.Operator.Token
	left, err := r.eval(n.Left)
	if err != nil {
		return nil, err
	}
	if u, ok := left.(Unknown); ok {
		return u, nil
	}
	switch at.Type {
	case tokens.And:
		if !truthy(left) {
			return left, nil
		}
		return r.eval(n.Right)
	case tokens.Or:
		if truthy(left) {
			return left, nil
		}
		return r.eval(n.Right)
	}
	right, err := r.eval(n.Right)
	if err != nil {
		return nil, err
	}
	if u, ok := right.(Unknown); ok {
		return u, nil
	}
	switch at.Type {
	case tokens.Equals:
		return same(left, right), nil
	case tokens.Ne:
		return !same(left, right), nil
	case tokens.GreaterThan, tokens.GreaterThanOrEqual, tokens.LowerThan, tokens.LowerThanOrEqual:
		return relative(at, left, right)
	case tokens.In:
		return contains(at, right, left)
	case tokens.Tilde:
		return r.text(at, textOf(left), textOf(right))
	}
	return r.arithmetic(at, left, right)
}

func (r *rendering) text(at *tokens.Token, a, b string) (any, error) {
	if err := r.grow(at, len(a)+len(b)); err != nil {
		return nil, err
	}
	return a + b, nil
}

func relative(at *tokens.Token, left, right any) (any, error) {
	order := 0
	x, okX := left.(string)
	y, okY := right.(string)
	if okX && okY {
		order = strings.Compare(x, y)
	} else {
		a, okA := numeric(left)
		b, okB := numeric(right)
		if !okA || !okB {
			return nil, mistake(at, "", "%s and %s cannot be compared", kindName(left), kindName(right))
		}
		switch {
		case a < b:
			order = -1
		case a > b:
			order = 1
		}
	}
	switch at.Type {
	case tokens.GreaterThan:
		return order > 0, nil
	case tokens.GreaterThanOrEqual:
		return order >= 0, nil
	case tokens.LowerThan:
		return order < 0, nil
	}
	return order <= 0, nil
}

func numeric(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func contains(at *tokens.Token, in, v any) (any, error) {
	switch in := in.(type) {
	case string:
		return strings.Contains(in, textOf(v)), nil
	case []any:
		for _, x := range in {
			if same(x, v) {
				return true, nil
			}
		}
		return false, nil
	case map[string]any:
		_, ok := in[textOf(v)]
		return ok, nil
	}
	return nil, mistake(at, "", "%s contains nothing", kindName(in))
}

// arithmetic counts with integers as long as both are, else with floating point. Text and lists can be added.
func (r *rendering) arithmetic(at *tokens.Token, left, right any) (any, error) {
	x, okX := left.(string)
	y, okY := right.(string)
	if at.Type == tokens.Addition && okX && okY {
		return r.text(at, x, y)
	}
	listX, okX := left.([]any)
	listY, okY := right.([]any)
	if at.Type == tokens.Addition && okX && okY {
		if err := r.grow(at, 16*(len(listX)+len(listY))); err != nil {
			return nil, err
		}
		return append(append([]any{}, listX...), listY...), nil
	}
	i, intX := left.(int64)
	j, intY := right.(int64)
	if intX && intY {
		return wholeNumbers(at, i, j)
	}
	a, okA := numeric(left)
	b, okB := numeric(right)
	if !okA || !okB {
		return nil, mistake(at, "convert with |int or |string, or join with ~", "%s and %s cannot be calculated with %s", kindName(left), kindName(right), at.Val)
	}
	return broken(at, a, b)
}

func wholeNumbers(at *tokens.Token, i, j int64) (any, error) {
	switch at.Type {
	case tokens.Addition:
		return i + j, nil
	case tokens.Subtraction:
		return i - j, nil
	case tokens.Multiply:
		return i * j, nil
	}
	if j == 0 {
		return nil, mistake(at, "", "division by zero")
	}
	switch at.Type {
	case tokens.FloorDivision:
		return int64(math.Floor(float64(i) / float64(j))), nil
	case tokens.Modulo:
		return ((i % j) + j) % j, nil
	}
	return broken(at, float64(i), float64(j))
}

func broken(at *tokens.Token, a, b float64) (any, error) {
	v := 0.0
	switch at.Type {
	case tokens.Addition:
		v = a + b
	case tokens.Subtraction:
		v = a - b
	case tokens.Multiply:
		v = a * b
	case tokens.Division:
		v = a / b
	case tokens.FloorDivision:
		v = math.Floor(a / b)
	case tokens.Modulo:
		v = math.Mod(a, b)
	case tokens.Power:
		v = math.Pow(a, b)
	default:
		return nil, mistake(at, "", "there is no operator %s", quote(at.Val))
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil, mistake(at, "", "the result is not a number")
	}
	return v, nil
}

// call works out a call. There is one function: range.
func (r *rendering) call(n *nodes.Call) (any, error) {
	name, ok := n.Func.(*nodes.Name)
	if !ok || name.Name.Val != "range" {
		return nil, mistake(n.Location, "there is range(n); other things are done with filters, such as {{ name | upper }}", "%s cannot be called", quote(n.Func.String()))
	}
	bounds := make([]int64, 0, 3)
	for _, arg := range n.Args {
		v, err := r.eval(arg)
		if err != nil {
			return nil, err
		}
		if u, ok := v.(Unknown); ok {
			return u, nil
		}
		i, ok := v.(int64)
		if !ok {
			return nil, mistake(n.Location, "", "range takes integers, not %s", kindName(v))
		}
		bounds = append(bounds, i)
	}
	start, stop, step := int64(0), int64(0), int64(1)
	switch len(bounds) {
	case 1:
		stop = bounds[0]
	case 2:
		start, stop = bounds[0], bounds[1]
	case 3:
		start, stop, step = bounds[0], bounds[1], bounds[2]
	}
	if len(bounds) == 0 || len(bounds) > 3 || step == 0 {
		return nil, mistake(n.Location, "write range(stop), range(start, stop) or range(start, stop, step)", "range does not take these arguments")
	}
	list := []any{}
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if len(list) >= 1000 {
			return nil, mistake(n.Location, "", "range gives more than 1000 numbers")
		}
		list = append(list, i)
	}
	return list, r.grow(n.Location, 16*len(list))
}
