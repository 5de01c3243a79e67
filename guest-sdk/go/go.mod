module kellion.dev/kellion

go 1.24
