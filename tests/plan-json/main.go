// Command plan-json reads the JSON of a plan on standard input with HashiCorp's own package and prints what that package
// made of it: counts, and one line a change. It knows nothing of Terrane.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	var plan tfjson.Plan
	// Unmarshalling validates the format's version.
	if err := json.Unmarshal(text, &plan); err != nil {
		return err
	}
	if err := plan.Validate(); err != nil {
		return err
	}
	if plan.Config == nil || plan.Config.RootModule == nil || plan.PlannedValues == nil {
		return fmt.Errorf("a part of the plan is missing")
	}
	w := bufio.NewWriter(out)
	for _, change := range plan.ResourceChanges {
		var actions []string
		for _, action := range change.Change.Actions {
			actions = append(actions, string(action))
		}
		fmt.Fprintf(w, "change %s %s %s %s\n", change.Address, change.Mode, change.Type, strings.Join(actions, ","))
	}
	printConfig(w, "", plan.Config.RootModule)
	var providers []string
	for key := range plan.Config.ProviderConfigs {
		providers = append(providers, key)
	}
	sort.Strings(providers)
	fmt.Fprintf(w, "providers %s\n", strings.Join(providers, ","))
	for _, attribute := range plan.RelevantAttributes {
		fmt.Fprintf(w, "relevant %s %s\n", attribute.Resource, bytes.Join(rawMessages(attribute.Attribute), []byte(".")))
	}
	for _, check := range plan.Checks {
		fmt.Fprintf(w, "check %s %s\n", check.Address.ToDisplay, check.Status)
	}
	fmt.Fprintf(w, "complete %v\n", value(plan.Complete))
	return w.Flush()
}

func rawMessages(messages []json.RawMessage) [][]byte {
	var texts [][]byte
	for _, message := range messages {
		texts = append(texts, message)
	}
	return texts
}

func value(truth *bool) string {
	if truth == nil {
		return "missing"
	}
	return fmt.Sprint(*truth)
}

func printConfig(w io.Writer, prefix string, module *tfjson.ConfigModule) {
	for _, resource := range module.Resources {
		fmt.Fprintf(w, "block %s%s %s\n", prefix, resource.Address, resource.ProviderConfigKey)
		var names []string
		for name := range resource.Expressions {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			printExpression(w, prefix+resource.Address+"."+name, resource.Expressions[name])
		}
		if resource.ForEachExpression != nil {
			printExpression(w, prefix+resource.Address+".for_each", resource.ForEachExpression)
		}
		if resource.CountExpression != nil {
			printExpression(w, prefix+resource.Address+".count", resource.CountExpression)
		}
	}
	var names []string
	for name := range module.ModuleCalls {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		call := module.ModuleCalls[name]
		fmt.Fprintf(w, "call %smodule.%s %s\n", prefix, name, call.Source)
		printConfig(w, prefix+"module."+name+".", call.Module)
	}
}

func printExpression(w io.Writer, name string, expression *tfjson.Expression) {
	data := expression.ExpressionData
	switch {
	case data == nil:
	case len(data.NestedBlocks) > 0:
		for number, block := range data.NestedBlocks {
			var inner []string
			for key := range block {
				inner = append(inner, key)
			}
			sort.Strings(inner)
			for _, key := range inner {
				printExpression(w, fmt.Sprintf("%s[%d].%s", name, number, key), block[key])
			}
		}
	case len(data.References) > 0:
		fmt.Fprintf(w, "expression %s refers to %s\n", name, strings.Join(data.References, " "))
	default:
		constant, _ := json.Marshal(data.ConstantValue)
		fmt.Fprintf(w, "expression %s is %s\n", name, constant)
	}
}
