package config

import "nacsim/internal/yamltable"

// Schema returns the JSON Schema (draft 2020-12) of a configuration file. It comes from the tables by which Load
// reads, so the two agree; what Load checks across keys and in other files is beyond the schema.
func Schema() []byte {
	return yamltable.Document("nacsim nac configuration",
		"The configuration of a NAC that runs alone, nacsim nac --config FILE.", yamltable.ObjectSchema(fileProperties))
}
