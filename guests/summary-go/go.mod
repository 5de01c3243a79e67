module summary

go 1.24

require kellion.dev/kellion v0.0.0

replace kellion.dev/kellion => ./.kellion/sdk/go
