-- SPDX-License-Identifier: Apache-2.0
-- For coro_lua: what it does is counted by itself.
local made, resumes, finished, failed = 0, 0, 0, 0

local function create(body)
	made = made + 1
	return coroutine.create(body)
end

local function resume(thread, ...)
	resumes = resumes + 1
	local ok, value = coroutine.resume(thread, ...)
	if not ok then
		failed = failed + 1
	elseif coroutine.status(thread) == "dead" then
		finished = finished + 1
	end
	return ok, value
end

local function worker(rounds)
	block(99331)
	for _ = 1, rounds do
		coroutine.yield()
	end
end

local function count(threads, rounds)
	for _ = 1, threads do
		local thread = create(worker)
		for _ = 0, rounds do
			resume(thread, rounds)
		end
	end
	-- One that resumes others, one that fails, one that is closed, some that are collected.
	local outer = create(function()
		for _ = 1, 3 do
			local inner = create(worker)
			resume(inner, 1)
			coroutine.yield()
			resume(inner)
		end
	end)
	while coroutine.status(outer) ~= "dead" do
		resume(outer)
	end
	resume(create(function() block(98331) error("on purpose") end))
	local closed = create(worker)
	resume(closed, 1)
	coroutine.close(closed)
	for _ = 1, 10 do
		resume(create(worker), 1)
	end
	collectgarbage()
	collectgarbage()
	-- And by C.
	made = made + 1
	resumes = resumes + host(function() block(97331) wait() coroutine.yield() wait() end)
	finished = finished + 1
	collectgarbage()
	print(string.format('{"created": %d, "switches": %d, "finished": %d, "failed": %d, ' ..
		'"gone": 11}', made, resumes, finished, failed))
end

local function parked(each)
	local all = {}
	local kinds = {
		function() coroutine.yield() end,
		function() wait() end,
		function()
			local inner = coroutine.wrap(function() coroutine.yield() end)
			inner()
			coroutine.yield()
		end,
	}
	for i = 1, each do
		for _, kind in ipairs(kinds) do
			local thread = coroutine.create(kind)
			coroutine.resume(thread)
			all[#all + 1] = thread
		end
		all[#all + 1] = coroutine.create(worker) -- has never run
	end
	local outer = coroutine.create(function() coroutine.wrap(ready)() end)
	coroutine.resume(outer)
	print("done")
end

local function versions(library)
	local threads = {}
	for i = 1, 3 do
		threads[i] = create(worker)
		resume(threads[i], 2)
	end
	local there = other(library)
	for i = 1, 3 do
		resume(threads[i])
		resume(threads[i])
	end
	print(string.format('{"there": %s, "created": %d, "switches": %d, "finished": %d}', there,
		made + (there and 5 or 0), resumes + (there and 20 or 0),
		finished + (there and 5 or 0)))
end

-- The other one comes and goes, and comes again, while a coroutine of this one runs.
local function within(library)
	local there
	local thread = create(function()
		there = other(library) and other(library)
		coroutine.yield()
	end)
	resume(thread)
	resume(thread)
	print(string.format('{"there": %s, "created": %d, "switches": %d, "finished": %d}', there,
		made + (there and 10 or 0), resumes + (there and 40 or 0),
		finished + (there and 10 or 0)))
end

if arg[1] == "versions" then
	versions(arg[2])
elseif arg[1] == "within" then
	within(arg[2])
elseif arg[1] == "count" then
	count(tonumber(arg[2]), tonumber(arg[3]))
else
	parked(tonumber(arg[2]))
end
