module quiet

go 1.18
