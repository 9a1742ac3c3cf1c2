package config

import "reflect"

// Differences returns the keys whose values differ between two configurations, in the order of the tree. A list is one
// key. Secrets, which no file holds, are not compared.
func Differences(a, b *Config) []string {
	values := map[string]reflect.Value{}
	walk(reflect.ValueOf(a).Elem(), "", func(key string, v reflect.Value) { values[key] = v })
	var keys []string
	walk(reflect.ValueOf(b).Elem(), "", func(key string, v reflect.Value) {
		mapping := v.Kind() == reflect.Struct && !isScalar(v.Type())
		if !mapping && v.Type() != secretType && !reflect.DeepEqual(v.Interface(), values[key].Interface()) {
			keys = append(keys, key)
		}
	})
	return keys
}
