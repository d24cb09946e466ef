// Compares the syntax trees of Go files in pairs of folders, string constants blanked and
// directives kept. Pairs come on standard input, one `ONE<tab>TWO` per line.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// shape is the tree without positions, texts of strings and plain comments.
func shape(path string) (string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, "//go:") || strings.HasPrefix(comment.Text, "//line ") || strings.HasPrefix(comment.Text, "//export ") {
				fmt.Fprintf(&out, "directive %s\n", comment.Text)
			}
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.CommentGroup, *ast.Comment:
			return false
		case *ast.Ident:
			fmt.Fprintf(&out, "name %s ", node.Name)
		case *ast.BasicLit:
			if node.Kind != token.STRING {
				fmt.Fprintf(&out, "literal %s ", node.Value)
			}
		}
		fmt.Fprintf(&out, "%T\n", node)
		return true
	})
	return out.String(), nil
}

func main() {
	found := false
	pairs := bufio.NewScanner(os.Stdin)
	for pairs.Scan() {
		one, two, _ := strings.Cut(pairs.Text(), "\t")
		err := filepath.WalkDir(one, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
				return err
			}
			below, err := filepath.Rel(one, path)
			if err != nil {
				return err
			}
			left, err := shape(path)
			if err != nil {
				return err
			}
			right, err := shape(filepath.Join(two, below))
			if err != nil || left != right {
				fmt.Println(filepath.Join(two, below), err)
				found = true
			}
			return nil
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	if found {
		os.Exit(1)
	}
}
