module metrics

go 1.18
