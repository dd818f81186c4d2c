module wide

go 1.18
