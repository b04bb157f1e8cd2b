package graph

import "strings"

// A skipToken is the place behind which the next page begins: paging is by key, not by number, so a device that
// is renamed during a scan can be skipped or seen twice (facts 2.1).
type skipToken struct {
	name, id string
}

const maxSkipToken = 2048

const errSkipToken = refusal("Invalid skiptoken.")

// String writes LastDeviceName='…',LastDeviceId='…' with quotes doubled.
func (t skipToken) String() string {
	return "LastDeviceName='" + strings.ReplaceAll(t.name, "'", "''") + "',LastDeviceId='" + strings.ReplaceAll(t.id, "'", "''") + "'"
}

func parseSkipToken(text string) (skipToken, error) {
	if len(text) > maxSkipToken {
		return skipToken{}, errSkipToken
	}
	name, rest, ok := skipTokenPart(text, "LastDeviceName=")
	if !ok || !strings.HasPrefix(rest, ",") {
		return skipToken{}, errSkipToken
	}
	id, rest, ok := skipTokenPart(rest[1:], "LastDeviceId=")
	if !ok || rest != "" {
		return skipToken{}, errSkipToken
	}
	return skipToken{name: name, id: id}, nil
}

// skipTokenPart reads key'value' from the front of text.
func skipTokenPart(text, key string) (value, rest string, ok bool) {
	rest, ok = strings.CutPrefix(text, key+"'")
	if !ok {
		return "", "", false
	}
	var b strings.Builder
	for {
		part, behind, found := strings.Cut(rest, "'")
		if !found {
			return "", "", false
		}
		b.WriteString(part)
		if !strings.HasPrefix(behind, "'") {
			return b.String(), behind, true
		}
		b.WriteByte('\'')
		rest = behind[1:]
	}
}
