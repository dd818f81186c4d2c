module library

go 1.18
