module scenarios

go 1.25

require github.com/vivified/go-sdk v0.0.0

replace github.com/vivified/go-sdk => ../../../../target/sdk/go
