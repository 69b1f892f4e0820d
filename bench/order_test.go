package main

import (
	"slices"
	"testing"
)

func TestUnique(t *testing.T) {
	if got, want := unique([]string{"b", "a", "b", "c", "a"}), []string{"b", "a", "c"}; !slices.Equal(got, want) {
		t.Errorf("unique = %q, want %q", got, want)
	}
}
